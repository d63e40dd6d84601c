"""Set-ups: a canteen's tray, camera, light, counter and the menu of a day."""

from dataclasses import dataclass

import numpy as np

from convert.synth.counter import Counter, draw_counter
from convert.synth.dishes import RICES, SOUPS, Dish
from convert.synth.grid import CELL_MM
from convert.synth.heap import Bowl, bowl
from convert.synth.mains import MAINS
from convert.synth.noise import Rng, linear, tinted, uniform
from convert.synth.photos import Photos
from convert.synth.room import Room, draw_room
from convert.synth.scene import Scene, empty_scene
from convert.synth.sensor import Sensor, draw_sensor
from convert.synth.serve import Item, serve
from convert.synth.tray import Tray, draw_tray
from convert.synth.vegetables import VEGETABLES
from convert.synth.view import Camera, Pose, aim, draw_camera

MEMBERS = 10
"""Pictures of a set-up: the empty tray, the full serving, eight returned trays."""

HELD_OUT_EVERY = 10
"""Every tenth set-up is for evaluation only: it has photographs and dishes that the others never show."""

_RESERVED = {
    "barley_rice",
    "egg_soup",
    "noodle_soup",
    "sausages",
    "cucumber",
    "eggplant",
    "lotus_beans",
    "watermelon",
    "nuggets",
}
"""Dishes that only held-out set-ups serve (beside all others)."""

_PHOTOGRAPHED = {"rice": 0.4, "liquid": 0.2, "solid": 0.35}
"""Share of the servings that show a photograph, by kind of dish."""


@dataclass(frozen=True, eq=False)
class SetUp:
    """All that the pictures of one canteen and day share. `full` is the tray as served."""

    number: int
    tray: Tray
    bowls: dict[int, Bowl]
    clean: Scene
    camera: Camera
    room: Room
    counter: Counter
    sensor: Sensor
    menu: dict[int, Item]
    full: Scene
    full_mm3: dict[int, float]
    any_angle: bool

    @property
    def held_out(self) -> bool:
        """Return whether the set-up is for evaluation only."""
        return held_out(self.number)


def held_out(number: int) -> bool:
    """Return whether a set-up is for evaluation only."""
    return number % HELD_OUT_EVERY == HELD_OUT_EVERY - 1


def rng_for(seed: int, set_up: int, purpose: int) -> Rng:
    """Return the random numbers of one purpose; the same for the same three numbers."""
    return np.random.default_rng([seed, set_up, purpose])


def draw_set_up(seed: int, number: int, size: tuple[int, int], photos: Photos) -> SetUp:
    """Return set-up `number` of the seed; `size` is the pictures' (width, height)."""
    rng = rng_for(seed, number, 1000)
    photos = photos.share(HELD_OUT_EVERY, last=held_out(number))
    tray = draw_tray(rng)
    bowls = {well.id: bowl(tray, well) for well in tray.wells}
    clean = empty_scene(tray, rng)
    room = draw_room(rng)
    counter = draw_counter(rng, tuple(photos.counters))
    camera = draw_camera(rng, *size, tray.size_mm)
    white = room.ambient + sum(lamp.irradiance for lamp in room.lamps)
    sensor = draw_sensor(rng, np.asarray(white, np.float32))
    menu = draw_menu(rng, tray, bowls, photos, reserved=held_out(number))
    full = clean.copy()
    for well_id, item in menu.items():
        serve(rng, full, bowls[well_id], item, volume_mm3=item.volume_mm3, way="full")
    full_mm3 = {well: volume_mm3(full, into) for well, into in bowls.items()}
    return SetUp(
        number, tray, bowls, clean, camera, room, counter, sensor, menu, full, full_mm3, rng.random() < 0.7
    )


def volume_mm3(scene: Scene, into: Bowl) -> float:
    """Return the volume under the surface above the empty tray within a well's window, its own food only."""
    window = into.rows, into.columns
    own = scene.well[window] == into.well.id
    above = np.maximum(scene.surface[window] - into.floor, 0)
    return float(above[own].sum(dtype=np.float64)) * CELL_MM * CELL_MM


def draw_menu(
    rng: Rng, tray: Tray, bowls: dict[int, Bowl], photos: Photos, *, reserved: bool
) -> dict[int, Item]:
    """Return a dish for every well; `reserved` dishes are served only if this is True."""
    cooked = RICES, SOUPS, (*VEGETABLES, *MAINS)
    rices, soups, sides = ([d for d in known if reserved or d.name not in _RESERVED] for known in cooked)
    sides = [sides[i] for i in rng.permutation(len(sides))]
    menu = {}
    for well in tray.wells:
        chance = rng.random()
        if well.role == "rice" and chance < 0.9:
            dish = rices[int(rng.exponential(1.6)) % len(rices)]
        elif (well.role == "soup" and chance < 0.88) or (well.role == "side" and chance < 0.06):
            dish = soups[int(rng.integers(len(soups)))]
        else:
            dish = sides.pop()
        menu[well.id] = draw_item(rng, bowls[well.id], dish, photos)
    return menu


def draw_item(rng: Rng, into: Bowl, dish: Dish, photos: Photos) -> Item:
    """Return the dish as it is cooked and served that day."""
    codes = dish.colour or dish.pieces[0].colours[:1]
    colour = tinted(rng, linear(codes[int(rng.integers(len(codes)))]), 0.12)
    cast = rng.normal(0, 0.06, 3) + rng.normal(0, 0.06)
    known = photos.food.get(dish.kind, ())
    photographed = bool(known) and rng.random() < _PHOTOGRAPHED[dish.kind]
    photo = known[int(rng.integers(len(known)))] if photographed else None
    return Item(
        well=into.well.id,
        dish=dish,
        volume_mm3=uniform(rng, dish.fill) * into.capacity_mm3,
        dome_mm=uniform(rng, dish.dome),
        cast=np.exp(cast * (0.3 if dish.kind == "rice" else 1.0)).astype(np.float32),
        colour=colour if dish.kind == "liquid" else colour * np.float32(0.7),
        extinction=uniform(rng, dish.clear),
        photo=photo,
    )


def draw_pose(rng: Rng, set_up: SetUp, *, upright: bool, cut: bool) -> Pose:
    """Return where the tray lies: upright ones nearly straight; cut ones partly outside the picture."""
    angle = rng.normal(0, 0.05) if upright else _angle(rng, set_up)
    x, y = aim(set_up.camera)
    half = set_up.camera.width / set_up.camera.focal_px * set_up.camera.above_counter_mm / 2
    room_y = half * set_up.camera.height / set_up.camera.width
    width, height = set_up.tray.size_mm
    c, s = abs(np.cos(angle)), abs(np.sin(angle))
    half_x, half_y = (width * c + height * s) / 2, (width * s + height * c) / 2
    free_x, free_y = max(half - half_x - 8, 0), max(room_y - half_y - 8, 0)
    x += np.clip(rng.normal(0, 0.45), -1, 1) * free_x
    y += np.clip(rng.normal(0, 0.45), -1, 1) * free_y
    if cut:
        out = uniform(rng, (5, 60))
        if rng.random() < 0.5:
            x = aim(set_up.camera)[0] + float(rng.choice([-1, 1])) * (half - half_x + out)
        else:
            y = aim(set_up.camera)[1] + float(rng.choice([-1, 1])) * (room_y - half_y + out)
    return Pose(float(x), float(y), float(angle))


def _angle(rng: Rng, set_up: SetUp) -> float:
    if set_up.any_angle:
        return float(rng.uniform(-np.pi, np.pi))
    return float(rng.choice([0.0, np.pi]) + rng.normal(0, 0.16))
