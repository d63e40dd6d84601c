"""What happens on the line: scene after scene, drawn by the weights in the settings."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from appliance.camera.settings import SimulatorSettings
from appliance.camera.simulation import belt_scenes, hand_scenes
from appliance.camera.simulation.motion import Behaviour, Path, Scene, Sheet
from appliance.camera.simulation.stage import Stage

_WRITERS: dict[Behaviour, Callable[[Stage], Sheet]] = {
    "glide": partial(belt_scenes.train, touching=False),
    "tailgate": partial(belt_scenes.train, touching=True),
    "belt_stop": belt_scenes.belt_stop,
    "set_down": hand_scenes.set_down,
    "nudge": hand_scenes.nudge,
    "stay": hand_scenes.stay,
    "hand": hand_scenes.hands,
    "napkin": belt_scenes.napkins,
    "lamps": hand_scenes.lamps,
    "empty": belt_scenes.empty,
}

_LEAD_S = 1.0
"""An empty belt at the very start, so that nothing is half in view in the first frame."""


def scenes(settings: SimulatorSettings) -> Iterator[Scene]:
    """Yield scenes without end, each from where the one before ended; the same settings, the same scenes.

    With all weights 0 the belt stays empty.
    """
    stage = Stage(settings)
    names = list(_WRITERS)
    weights = np.array([getattr(settings, name) for name in names], np.float64)
    if weights.sum() == 0:
        weights[names.index("empty")] = 1.0
    yield Scene("empty", 0.0, _LEAD_S, (), Path.through((0, 0)), Path.through((0, 1, 1, 1)))
    start_s, belt_mm = _LEAD_S, 0.0
    while True:
        name = names[int(stage.rng.choice(len(names), p=weights / weights.sum()))]
        sheet = _WRITERS[name](stage)
        end_s = start_s + sheet.length_s
        actors = tuple(actor.on(actor.path.later(start_s)) for actor in sheet.actors)
        belt = Path(sheet.belt.times_s + start_s, sheet.belt.values + belt_mm)
        yield Scene(name, start_s, end_s, actors, belt, sheet.light.later(start_s))
        start_s, belt_mm = end_s, float(belt.values[-1, 0])
