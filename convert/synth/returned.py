"""Returned trays: how much of each dish came back, how it lies, and what else is on the tray."""

from dataclasses import dataclass, field

import numpy as np

from convert.synth import heap, residue
from convert.synth.noise import Rng, choose, uniform
from convert.synth.objects import OBJECTS
from convert.synth.scene import Scene
from convert.synth.serve import Item, serve
from convert.synth.setup import SetUp, volume_mm3

CLEAN_STATES = ("spotless", "film", "grains")

_COMPLICATIONS = {
    "utensils": 0.3,
    "napkin": 0.14,
    "package": 0.12,
    "cup": 0.06,
    "hand": 0.07,
    "dump": 0.1,
    "glare": 0.07,
    "cut": 0.06,
    "blur": 0.08,
}


@dataclass(eq=False)
class Returned:
    """A tray as it came back. `visible` has what covers it, `food` has not; `states` are per well."""

    food: Scene
    visible: Scene
    states: dict[int, str] = field(default_factory=dict)
    complications: tuple[str, ...] = ()


def draw_complications(rng: Rng) -> tuple[str, ...]:
    """Return what makes a picture hard; nothing for about a third of them."""
    return tuple(name for name, share in _COMPLICATIONS.items() if rng.random() < share)


def draw_returned(rng: Rng, set_up: SetUp) -> Returned:
    """Return a tray after the meal."""
    complications = draw_complications(rng)
    food = set_up.clean.copy()
    states: dict[int, str] = {}
    eater = rng.beta(1.1, 1.1)
    wanted = {well: _amount(rng, float(eater)) for well in set_up.menu}
    dumped_into = int(rng.choice(list(set_up.menu))) if "dump" in complications else None
    order = sorted(set_up.menu, key=lambda well: (set_up.menu[well].dish.kind != "liquid", rng.random()))
    for well in order:
        item = set_up.menu[well]
        share = wanted[well]
        if dumped_into is not None and well != dumped_into:
            states[well] = _leave_little(rng, food, set_up, item, share)
            _scrape(rng, food, set_up, item, share=share, target=dumped_into)
        elif share <= 0:
            states[well] = _leave_little(rng, food, set_up, item, 0.5)
        else:
            states[well] = _leave(rng, food, set_up, item, share)
    if dumped_into is not None:
        states[dumped_into] = "dump"
    visible = food.copy()
    _cover(rng, visible, set_up, complications)
    return Returned(food, visible, states, complications)


def _amount(rng: Rng, eater: float) -> float:
    """Return the fraction of a serving that is left; 0 for a well that counts as empty."""
    kind = rng.random()
    if kind < 0.26:
        return 0.0
    if kind < 0.36:
        return uniform(rng, (0.93, 1.05))
    if kind < 0.5:
        return uniform(rng, (0.02, 0.12))
    return float(np.clip(0.6 * rng.random() + 0.4 * eater, 0.03, 1.0))


def _leave(rng: Rng, scene: Scene, set_up: SetUp, item: Item, share: float) -> str:
    into = set_up.bowls[item.well]
    way = heap.draw_way(rng, item.dish.kind)
    state = "untouched" if share > 0.92 else ("waterline" if item.dish.kind == "liquid" else way)
    if share < 0.92 and rng.random() < 0.85:
        residue.film(rng, scene, into, item, 1.0)
    if item.dish.kind == "rice" and rng.random() < 0.6:
        residue.starch(rng, scene, into)
    volume = share * set_up.full_mm3[item.well]
    serve(rng, scene, into, item, volume_mm3=volume, way="full" if state == "untouched" else way)
    if state != "untouched" and rng.random() < 0.6:
        _strays(rng, scene, set_up, item)
    return state


def _leave_little(rng: Rng, scene: Scene, set_up: SetUp, item: Item, dirt: float) -> str:
    """Leave nothing that counts: a clean well, a film, or single grains and crumbs."""
    state = choose(rng, CLEAN_STATES, (0.22, 0.43, 0.35))
    into = set_up.bowls[item.well]
    if state != "spotless":
        residue.film(rng, scene, into, item, 0.5 + dirt)
        if item.dish.kind == "rice":
            residue.starch(rng, scene, into)
    if state == "grains":
        _strays(rng, scene, set_up, item)
    return state


def _strays(rng: Rng, scene: Scene, set_up: SetUp, item: Item) -> None:
    into = set_up.bowls[item.well]
    if item.dish.kind == "rice":
        residue.stray_grains(rng, scene, into, item, int(rng.integers(1, 26)))
        return
    residue.crumbs(rng, scene, into, item, int(rng.integers(1, 9)))
    rice = next((other for other in set_up.menu.values() if other.dish.kind == "rice"), None)
    if rice is not None and rng.random() < 0.2:
        residue.stray_grains(rng, scene, into, rice, int(rng.integers(1, 6)))


def _scrape(rng: Rng, scene: Scene, set_up: SetUp, item: Item, *, share: float, target: int) -> None:
    """Move a dish's leftovers on top of what lies in the well `target`."""
    into = set_up.bowls[target]
    room_left = 1.1 * into.capacity_mm3 - volume_mm3(scene, set_up.bowls[target])
    volume = min(share * set_up.full_mm3[item.well], 0.6 * room_left)
    if volume > 2000:
        way = choose(rng, ("hollow", "clumps", "push", "bites"))
        serve(rng, scene, into, item, volume_mm3=volume, way=way)


def _cover(rng: Rng, scene: Scene, set_up: SetUp, complications: tuple[str, ...]) -> None:
    for name in complications:
        if name == "utensils":
            for tool, chance in (("spoon", 0.8), ("chopsticks", 0.7), ("fork", 0.15)):
                if rng.random() < chance:
                    OBJECTS[tool](rng, scene, set_up.tray)
        elif name in OBJECTS:
            for _ in range(1 + int(name in ("napkin", "package") and rng.random() < 0.3)):
                OBJECTS[name](rng, scene, set_up.tray)
