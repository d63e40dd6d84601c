"""How dishes look from above: textures of many small pieces, painted once and cropped at random afterwards."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from appliance.picture import Picture

Field = npt.NDArray[np.float32]
"""A scalar field, shape (height, width)."""

TILE_MM = 260.0
"""Side of a texture tile: larger than any well, so that crops differ from tray to tray."""

Bgr = tuple[int, int, int]


@dataclass(frozen=True)
class Dish:
    """A dish: `ground` between the pieces, `palette` of the pieces, and their size.

    `density` is pieces per square centimetre; `relief_mm` how far they stand out; `gloss` 0..1 how much of the
    lamps the surface mirrors; `stain` the colour of the film that the dish leaves on steel.
    """

    form: Literal["heap", "liquid"]
    ground: Bgr
    palette: tuple[Bgr, ...]
    length_mm: float
    width_mm: float
    density: float
    relief_mm: float
    gloss: float
    stain: Bgr


DISHES: dict[str, Dish] = {
    "rice": Dish(
        "heap", (176, 186, 190), ((222, 230, 232), (208, 218, 222), (232, 238, 240)), 5.5, 2.0, 14.0, 0.8, 0.0,
        (188, 196, 198),
    ),
    "kimchi": Dish(
        "heap", (22, 38, 128), ((30, 52, 186), (46, 92, 206), (20, 30, 150), (120, 170, 214), (60, 120, 90)),
        22.0, 9.0, 0.9, 3.0, 0.10, (40, 70, 190),
    ),
    "greens": Dish(
        "heap", (18, 44, 16), ((28, 84, 32), (22, 62, 22), (44, 110, 58), (30, 72, 40)), 24.0, 3.5, 2.2, 2.0, 0.06,
        (60, 110, 80),
    ),
    "meat": Dish(
        "heap", (18, 28, 48), ((30, 46, 84), (24, 38, 68), (44, 68, 108), (20, 28, 44)), 16.0, 8.0, 1.2, 2.5, 0.10,
        (50, 80, 120),
    ),
    "anchovy": Dish(
        "heap", (40, 70, 104), ((74, 112, 150), (52, 86, 122), (100, 140, 170)), 14.0, 2.4, 5.0, 1.2, 0.08,
        (80, 120, 150),
    ),
    "soup": Dish(
        "liquid", (34, 80, 132), ((150, 186, 206), (60, 104, 70), (36, 70, 110)), 11.0, 9.0, 0.06, 0.0, 0.30,
        (70, 118, 158),
    ),
    "red-soup": Dish(
        "liquid", (24, 48, 158), ((40, 74, 170), (60, 104, 70), (30, 44, 110)), 18.0, 4.0, 0.10, 0.0, 0.30,
        (60, 80, 180),
    ),
}  # fmt: skip


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], cell_px: float) -> Field:
    """Return noise of about unit variance, shape `shape`, whose features are `cell_px` wide."""
    coarse = (max(2, round(shape[0] / cell_px) + 2), max(2, round(shape[1] / cell_px) + 2))
    grid = rng.standard_normal(coarse).astype(np.float32)
    return cv2.resize(grid, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC).astype(
        np.float32, copy=False
    )


@lru_cache(maxsize=32)
def texture(name: str, px_per_mm: float) -> tuple[Picture, Field]:
    """Return a dish's tile: albedo, shape (side, side, 3), and relief in mm, shape (side, side)."""
    dish = DISHES[name]
    side = round(TILE_MM * px_per_mm)
    rng = np.random.default_rng(list(name.encode()))
    albedo = np.empty((side, side, 3), np.float32)
    albedo[:] = np.asarray(dish.ground, np.float32)
    relief = np.zeros((side, side), np.float32)
    for i in range(round(dish.density * (TILE_MM / 10) ** 2)):
        _paint_piece(rng, dish, albedo, relief, px_per_mm, layer=i)
    mottle = 1.0 + 0.05 * smooth_noise(rng, (side, side), 12 * px_per_mm)
    grain = 1.0 + 0.03 * rng.standard_normal((side, side)).astype(np.float32)
    albedo *= (mottle * grain)[:, :, None]
    relief = cv2.GaussianBlur(relief, (0, 0), max(0.3, 0.35 * px_per_mm)).astype(np.float32, copy=False)
    return np.clip(albedo, 0, 255).astype(np.uint8), relief


def _paint_piece(
    rng: np.random.Generator, dish: Dish, albedo: Field, relief: Field, px_per_mm: float, layer: int
) -> None:
    """Draw one bent piece of random place, direction and colour; later ones lie on top of earlier ones."""
    shift = 3  # OpenCV's fixed-point bits: pieces are smaller than a pixel at low resolutions
    length, width = (
        np.array([dish.length_mm, dish.width_mm]) * rng.uniform(0.7, 1.25, 2) * px_per_mm
    ).tolist()
    x, y = rng.uniform(0, albedo.shape[0], 2).tolist()
    angle = float(rng.uniform(0, 360))
    tone = float(rng.uniform(0.85, 1.12))
    colour = tuple(channel * tone for channel in dish.palette[int(rng.integers(len(dish.palette)))])
    height = dish.relief_mm * (0.4 + 0.6 * (layer % 7) / 6)
    scale = 1 << shift
    centre = (round(x * scale), round(y * scale))
    axes = (max(1, round(length / 2 * scale)), max(1, round(width / 2 * scale)))
    cv2.ellipse(albedo, centre, axes, angle, 0, 360, colour, -1, cv2.LINE_8, shift)
    cv2.ellipse(relief, centre, axes, angle, 0, 360, height, -1, cv2.LINE_8, shift)
