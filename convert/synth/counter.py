"""What the tray lies on: laminates, wood, belts, steel, cloth, or a photograph."""

from dataclasses import dataclass

import cv2
import numpy as np

from convert.synth.grid import Colours, Field
from convert.synth.noise import Rng, choose, linear, smooth_noise, tinted, uniform
from convert.synth.photos import Photo, whole

_SIDE = 960
"""Cells of the texture, 1.5 mm each."""
_CELL_MM = 1.5


@dataclass(frozen=True, eq=False)
class Counter:
    """A texture around the point below the camera, fixed in the room."""

    name: str
    albedo: Colours
    roughness: float

    def at(self, x_mm: Field, y_mm: Field) -> Colours:
        """Return the linear colours at room positions, shape (rows, columns, 3)."""
        columns, rows = (axis / _CELL_MM + _SIDE / 2 for axis in (x_mm, y_mm))
        sampled = cv2.remap(
            self.albedo,
            columns.astype(np.float32),
            rows.astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        return np.asarray(sampled, np.float32)


def draw_counter(rng: Rng, photos: tuple[Photo, ...]) -> Counter:
    """Return a random counter; one of the photographs in about a fifth of the cases, if there are any."""
    if photos and rng.random() < 0.22:
        picture = whole(photos[int(rng.integers(len(photos)))])
        angle = int(rng.integers(4))
        stretched = cv2.resize(np.rot90(picture, angle), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
        return Counter("photograph", stretched.astype(np.float32), 0.5)
    name = choose(rng, tuple(_KINDS), (0.3, 0.2, 0.2, 0.12, 0.1, 0.08))
    albedo, roughness = _KINDS[name](rng)
    return Counter(name, np.clip(albedo, 0.004, 0.92).astype(np.float32), roughness)


_Look = tuple[Colours, float]


def _speckled(rng: Rng, colour: Colours, amount: float) -> Colours:
    fine = smooth_noise(rng, (_SIDE, _SIDE), uniform(rng, (2, 8)), 3)
    broad = smooth_noise(rng, (_SIDE, _SIDE), 200, 3)
    return np.asarray(colour * np.exp(amount * fine + 0.04 * broad)[..., None], np.float32)


def _laminate(rng: Rng) -> _Look:
    codes = (
        "#e9e7e1",
        "#d5d3cd",
        "#b9b4a8",
        "#d8cbb0",
        "#8e9499",
        "#5e646b",
        "#a9bcc4",
        "#c8d2c0",
        "#e0d5d0",
    )
    colour = tinted(rng, linear(choose(rng, codes)), 0.08)
    return _speckled(rng, colour, uniform(rng, (0.0, 0.12))), uniform(rng, (0.12, 0.5))


def _wood(rng: Rng) -> _Look:
    colour = linear(choose(rng, ("#c9a26c", "#b58a55", "#8a5f38", "#d9bd8e", "#6b4528", "#c2a583")))
    y, x = np.mgrid[0:_SIDE, 0:_SIDE].astype(np.float32)
    pitch = uniform(rng, (40, 130))
    plank = (y / pitch).astype(int)
    tone = rng.normal(0, 0.13, plank.max() + 1)[plank]
    stretch = smooth_noise(rng, (_SIDE, _SIDE // 12), 18, 3)
    grain = cv2.resize(stretch, (_SIDE, _SIDE), interpolation=cv2.INTER_LINEAR)
    rings = np.sin((y + 14 * grain + 0.02 * x) / uniform(rng, (1.6, 5)))
    albedo = colour * np.exp(tone + 0.09 * rings + 0.1 * grain)[..., None]
    albedo[(y % pitch) < 1.2] *= uniform(rng, (0.4, 1.0))
    return _turned(rng, albedo), uniform(rng, (0.2, 0.5))


def _belt(rng: Rng) -> _Look:
    colour = tinted(
        rng, linear(choose(rng, ("#26282a", "#1d1f22", "#33373a", "#2c3a33", "#26324a", "#55585a"))), 0.1
    )
    y, x = np.mgrid[0:_SIDE, 0:_SIDE]
    weave = 0.1 * np.sin(x / uniform(rng, (0.8, 4))) * np.sin(y / uniform(rng, (0.8, 4)))
    if rng.random() < 0.3:
        pitch = uniform(rng, (12, 40))
        weave = weave - 0.5 * ((x % pitch) < 2)
    albedo = _speckled(rng, colour, uniform(rng, (0.05, 0.3))) * np.exp(weave)[..., None]
    return _turned(rng, albedo), uniform(rng, (0.35, 0.6))


def _steel(rng: Rng) -> _Look:
    lines = cv2.GaussianBlur(
        rng.standard_normal((_SIDE, _SIDE)).astype(np.float32), (0, 0), sigmaX=40, sigmaY=0.6
    )
    albedo = uniform(rng, (0.4, 0.6)) * np.exp(0.8 * lines)[..., None] * np.array([1, 0.99, 0.97])
    return _turned(rng, albedo), uniform(rng, (0.2, 0.4))


def _cloth(rng: Rng) -> _Look:
    codes = ("#8a2f34", "#2f5a3c", "#294a7a", "#d9cfb8", "#d68a3a", "#efefef", "#c87f90", "#6a4a80")
    colour = tinted(rng, linear(choose(rng, codes)), 0.15)
    y, x = np.mgrid[0:_SIDE, 0:_SIDE]
    albedo = _speckled(rng, colour, 0.08)
    if rng.random() < 0.6:
        pitch = uniform(rng, (12, 60))
        checks = ((x % pitch) < pitch / 2).astype(float) + ((y % pitch) < pitch / 2)
        albedo = albedo * np.exp(0.35 * (checks - 1))[..., None]
    return _turned(rng, albedo), 0.6


def _tiles(rng: Rng) -> _Look:
    colour = tinted(rng, linear(choose(rng, ("#cfd3d4", "#9a9a94", "#b88a6a", "#7d8a90", "#e2ddd0"))), 0.1)
    y, x = np.mgrid[0:_SIDE, 0:_SIDE]
    pitch = uniform(rng, (40, 160))
    joint = ((x % pitch) < 2.5) | ((y % pitch) < 2.5)
    albedo = _speckled(rng, colour, 0.08)
    albedo[joint] *= uniform(rng, (0.45, 0.8))
    return _turned(rng, albedo), uniform(rng, (0.1, 0.4))


_KINDS = {
    "laminate": _laminate,
    "wood": _wood,
    "belt": _belt,
    "steel": _steel,
    "cloth": _cloth,
    "tiles": _tiles,
}


def _turned(rng: Rng, albedo: Colours) -> Colours:
    angle = float(rng.choice([0, 90, rng.uniform(0, 180)]))
    turn = cv2.getRotationMatrix2D((_SIDE / 2, _SIDE / 2), angle, 1.0)
    turned = cv2.warpAffine(
        albedo.astype(np.float32), turn, (_SIDE, _SIDE), borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(turned, np.float32)
