"""One picture of a set-up with its ground truth, from its numbers alone."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from convert.synth.march import cover_of
from convert.synth.noise import Rng, uniform
from convert.synth.photos import Photos
from convert.synth.render import Stage, render
from convert.synth.returned import Returned, draw_returned
from convert.synth.room import Lamp, Room
from convert.synth.sensor import Rgb8, develop, jittered
from convert.synth.setup import MEMBERS, SetUp, draw_pose, draw_set_up, rng_for
from convert.synth.truth import Maps, maps, numbers
from convert.synth.view import View

FORMAT = 4
"""Rises when pictures of the same seed change."""


@dataclass(frozen=True)
class Order:
    """What to make: the seed, the pictures' (width, height) and the photographs to draw from."""

    seed: int
    size: tuple[int, int]
    photos: Photos


@dataclass(frozen=True, eq=False)
class Shot:
    """A picture, RGB, with its truth; `under` is the truth without what covers the tray, if anything does."""

    picture: Rgb8
    quality: int
    seen: Maps
    under: Maps | None
    truth: dict[str, Any]


def name(index: int) -> str:
    """Return the folder of picture `index`: set-up and member, as `set-up-00003/return-05`."""
    set_up, member = divmod(index, MEMBERS)
    part = ("empty", "full")[member] if member < 2 else f"return-{member - 1:02d}"
    return f"set-up-{set_up:05d}/{part}"


class Studio:
    """Takes pictures; keeps the last set-up, so that pictures of one are best taken in a row."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._set_up = lru_cache(maxsize=1)(self._draw)

    def _draw(self, number: int) -> SetUp:
        return draw_set_up(self._order.seed, number, self._order.size, self._order.photos)

    def take(self, index: int) -> Shot:
        """Return picture `index` (0, 1, ...) of the seed."""
        number, member = divmod(index, MEMBERS)
        set_up = self._set_up(number)
        rng = rng_for(self._order.seed, number, member)
        returned = _tray(rng, set_up, member)
        complications = returned.complications
        pose = draw_pose(rng, set_up, upright=member < 2, cut="cut" in complications)
        view = View(set_up.camera, pose, set_up.tray.counter_mm)
        room = _with_glare(rng, set_up.room) if "glare" in complications else set_up.room
        stage = Stage(set_up.tray.grid, view, room, set_up.counter)
        radiance = render(rng, returned.food, returned.visible, stage)
        sensor = jittered(rng, set_up.sensor)
        motion = _motion(rng, set_up.camera.width) if "blur" in complications else (0.0, 0.0)
        picture = develop(rng, sensor, radiance, motion)
        seen = maps(returned.food, returned.visible, set_up, view)
        covered = cover_of(returned.food, returned.visible) is not None
        under = maps(returned.food, returned.food, set_up, view) if covered else None
        truth = {
            "format": FORMAT,
            "seed": self._order.seed,
            "index": index,
            "set_up": number,
            "held_out": set_up.held_out,
            "member": name(index).split("/")[1],
            "complications": list(complications),
            **numbers(set_up, returned, view, seen, under or seen),
        }
        return Shot(picture, sensor.quality, seen, under, truth)


def _tray(rng: Rng, set_up: SetUp, member: int) -> Returned:
    if member == 0:
        return Returned(set_up.clean, set_up.clean)
    if member == 1:
        return Returned(set_up.full, set_up.full, dict.fromkeys(set_up.menu, "untouched"))
    return draw_returned(rng, set_up)


def _with_glare(rng: Rng, room: Room) -> Room:
    """Return the room with one more small, very bright lamp that trays mirror into the lens."""
    side = room.ceiling.shape[1]
    x, y = side / 2 + rng.normal(0, side / 14, 2)
    rows, columns = np.mgrid[0:side, 0:side]
    spot = np.exp(-(((columns - x) ** 2 + (rows - y) ** 2) / uniform(rng, (2, 25))))
    ceiling = room.ceiling + (uniform(rng, (20, 90)) * spot[None, ..., None]).astype(np.float32)
    reach = (x / side - 0.5) * 8400, (y / side - 0.5) * 8400
    lamp = Lamp((float(reach[0]), float(reach[1]), room.ceiling_mm), np.full(3, 0.6, np.float32), 0.05)
    return replace(room, ceiling=ceiling, lamps=(*room.lamps, lamp))


def _motion(rng: Rng, width: int) -> tuple[float, float]:
    length, angle = uniform(rng, (0.003, 0.012)) * width, rng.uniform(0, np.pi)
    return float(length * np.cos(angle)), float(length * np.sin(angle))
