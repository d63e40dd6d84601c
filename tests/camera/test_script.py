from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.camera.settings import SimulatorSettings
from appliance.camera.simulation.kinds import TRAYS
from appliance.camera.simulation.motion import Actor, Path, Scene
from appliance.camera.simulation.script import scenes

BEHAVIOURS = (
    "glide",
    "tailgate",
    "belt_stop",
    "set_down",
    "nudge",
    "stay",
    "hand",
    "napkin",
    "lamps",
    "empty",
)


def only(behaviour: str, **more: object) -> SimulatorSettings:
    weights = {name: float(name == behaviour) for name in BEHAVIOURS}
    return SimulatorSettings.model_validate(weights | more)


def trays(scene: Scene) -> list[Actor]:
    return [actor for actor in scene.actors if actor.kind == "tray"]


def corners(actor: Actor, time_s: float, size: tuple[float, float]) -> np.ndarray:
    x, y, angle = actor.path.at(time_s)
    turn = np.deg2rad(angle)
    box = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * np.asarray(size) / 2
    return box @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) + (x, y)


def in_view(points: np.ndarray, settings: SimulatorSettings) -> tuple[bool, bool]:
    """Whether the box around the points touches the view, and whether all of them are inside."""
    half = np.array([settings.view_mm, settings.view_mm * settings.height / settings.width]) / 2
    touching = bool(((points.max(axis=0) > -half) & (points.min(axis=0) < half)).all())
    return touching, bool((np.abs(points) <= half).all())


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**31 - 1),
    pace=st.floats(1, 60),
    angle=st.sampled_from(["any", "upright"]),
    kind=st.sampled_from(["steel-5", "steel-6", "plastic-4"]),
)
def test_every_scene_is_whole_in_itself(
    behaviour: str, seed: int, pace: float, angle: str, kind: str
) -> None:
    chosen = only(behaviour, seed=seed, trays_per_minute=pace, angle=angle, tray=kind, view_mm=720)
    size = TRAYS[chosen.tray].size_mm
    _, scene = islice(scenes(chosen), 2)
    for actor in scene.actors:
        assert scene.start_s - 1e-6 <= actor.start_s < actor.end_s <= scene.end_s + 1e-6
        assert (np.diff(actor.path.times_s) > 0).all()
    times = np.arange(scene.start_s, scene.end_s, 0.05)
    for tray in trays(scene):
        for end_s in (tray.start_s, tray.end_s):
            assert not in_view(corners(tray, end_s, size), chosen)[0]
        lying = [t for t in times if tray.start_s <= t <= tray.end_s]
        whole_s = 0.05 * sum(in_view(corners(tray, t, size), chosen)[1] for t in lying)
        assert whole_s >= 0.25
    if behaviour in ("hand", "napkin", "empty"):
        assert not trays(scene)
    elif behaviour != "lamps":
        assert trays(scene)
    assert scene.light.at(scene.start_s).tolist() == [1, 1, 1]
    assert scene.light.at(scene.end_s).tolist() == [1, 1, 1]


@pytest.mark.parametrize("behaviour", ["glide", "tailgate", "belt_stop", "set_down"])
def test_trays_never_lie_on_each_other(behaviour: str) -> None:
    cv2 = pytest.importorskip("cv2")
    chosen = only(behaviour, trays_per_minute=60)
    size = TRAYS[chosen.tray].size_mm
    for scene in islice(scenes(chosen), 1, 12):
        for before, after in pairwise(trays(scene)):
            for t in np.arange(after.start_s, before.end_s, 0.1):
                a, b = (corners(one, t, size).astype(np.float32) for one in (before, after))
                assert cv2.intersectConvexConvex(a, b)[0] < 5.0


def test_tailgating_trays_touch() -> None:
    chosen = only("tailgate", angle="upright")
    size = TRAYS[chosen.tray].size_mm
    scene = next(islice(scenes(chosen), 1, None))
    for before, after in pairwise(trays(scene)):
        t = after.start_s + 0.1
        gap = corners(before, t, size)[:, 0].min() - corners(after, t, size)[:, 0].max()
        assert abs(gap) < 1e-6


def test_the_pace_is_kept() -> None:
    chosen = only("glide", trays_per_minute=60)
    arrivals = [np.diff([tray.start_s for tray in trays(one)]) for one in islice(scenes(chosen), 1, 40)]
    apart = np.concatenate(arrivals)
    assert apart.min() > 0.8
    assert 0.9 < apart.mean() < 1.3


def test_trays_are_numbered_and_scenes_follow_each_other() -> None:
    told = list(islice(scenes(SimulatorSettings()), 30))
    numbers = [tray.tray for scene in told for tray in trays(scene)]
    assert numbers == list(range(len(numbers)))
    for before, after in pairwise(told):
        assert before.end_s == after.start_s
        assert abs(float(before.belt.at(before.end_s)[0]) - float(after.belt.at(after.start_s)[0])) < 1e-6


def test_the_same_seed_tells_the_same_story() -> None:
    def story(seed: int) -> list[object]:
        return [
            (scene.behaviour, actor.kind, actor.seed, actor.path.values.tolist())
            for scene in islice(scenes(SimulatorSettings(seed=seed)), 10)
            for actor in scene.actors
        ]

    assert story(5) == story(5)
    assert story(5) != story(6)


def test_no_weights_give_an_empty_belt() -> None:
    chosen = only("none")
    assert {scene.behaviour for scene in islice(scenes(chosen), 5)} == {"empty"}


@given(
    pauses=st.lists(st.tuples(st.floats(0.1, 9.9), st.floats(0.1, 5)), max_size=4),
    keys=st.lists(st.floats(0, 10), min_size=2, max_size=5, unique=True),
)
def test_a_delayed_path_visits_the_same_places(pauses: list[tuple[float, float]], keys: list[float]) -> None:
    now, then, late = [0.0], [0.0], 0.0
    for at, pause in sorted(pauses):
        if at - then[-1] > 1e-3:
            now += [at + late, at + late + pause]
            then += [at, at]
            late += pause
    now.append(10 + late)
    then.append(10.0)
    path = Path.through(*((t, 3 * t, -t) for t in sorted(keys)))
    if np.diff(path.times_s).min() < 1e-6:
        return
    delayed = path.retimed(np.array(now), np.array(then))
    for t in np.linspace(0, 10 + late, 37):
        expected = path.at(float(np.interp(t, now, then)))
        assert np.allclose(delayed.at(float(t)), expected, atol=1e-6)
