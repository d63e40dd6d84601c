"""How dishes look from above: textures of many small pieces, painted once, cropped at random afterwards."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]
"""A scalar field, shape (height, width)."""

TILE_MM = 260.0
"""Side of a texture tile: larger than any well, so that crops differ from tray to tray."""

_GRAIN_MM = 1.2

Bgr = tuple[int, int, int]


@dataclass(frozen=True)
class Dish:
    """A dish: `ground` between the pieces, `palette` of the pieces, and their size.

    `density` is pieces per square centimetre; `relief_mm` how far they stand out; `gloss` 0..1 how much of
    the lamps the surface mirrors; `stain` the colour of the film that the dish leaves on steel; `grain` 0..1
    how speckled its pieces are; `lumps_mm` how uneven a heap of it lies.
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
    grain: float = 0.0
    lumps_mm: float = 0.0


DISHES: dict[str, Dish] = {
    "rice": Dish(
        form="heap",
        ground=(178, 190, 194),
        palette=((216, 228, 231), (204, 217, 221), (228, 238, 240)),
        length_mm=5.5,
        width_mm=2.0,
        density=14.0,
        relief_mm=0.7,
        gloss=0.0,
        stain=(188, 196, 198),
        grain=0.03,
        lumps_mm=2.0,
    ),
    "kimchi": Dish(
        form="heap",
        ground=(22, 38, 128),
        palette=((30, 52, 186), (46, 92, 206), (20, 30, 150), (120, 170, 214), (60, 120, 90)),
        length_mm=22.0,
        width_mm=9.0,
        density=2.2,
        relief_mm=3.0,
        gloss=0.10,
        stain=(40, 70, 190),
        grain=0.12,
        lumps_mm=4.5,
    ),
    "greens": Dish(
        form="heap",
        ground=(18, 44, 16),
        palette=((28, 84, 32), (22, 62, 22), (44, 110, 58), (30, 72, 40)),
        length_mm=24.0,
        width_mm=3.5,
        density=2.2,
        relief_mm=2.0,
        gloss=0.06,
        stain=(60, 110, 80),
        grain=0.12,
        lumps_mm=4.5,
    ),
    "meat": Dish(
        form="heap",
        ground=(18, 28, 48),
        palette=((30, 46, 84), (24, 38, 68), (44, 68, 108), (20, 28, 44)),
        length_mm=16.0,
        width_mm=8.0,
        density=2.6,
        relief_mm=2.5,
        gloss=0.10,
        stain=(50, 80, 120),
        grain=0.22,
        lumps_mm=4.5,
    ),
    "anchovy": Dish(
        form="heap",
        ground=(40, 70, 104),
        palette=((74, 112, 150), (52, 86, 122), (100, 140, 170)),
        length_mm=14.0,
        width_mm=2.4,
        density=5.0,
        relief_mm=1.2,
        gloss=0.08,
        stain=(80, 120, 150),
        grain=0.12,
        lumps_mm=3.5,
    ),
    "soup": Dish(
        form="liquid",
        ground=(34, 80, 132),
        palette=((150, 186, 206), (60, 104, 70), (36, 70, 110)),
        length_mm=11.0,
        width_mm=9.0,
        density=0.06,
        relief_mm=0.0,
        gloss=0.30,
        stain=(70, 118, 158),
    ),
    "red-soup": Dish(
        form="liquid",
        ground=(24, 48, 158),
        palette=((40, 74, 170), (60, 104, 70), (30, 44, 110)),
        length_mm=18.0,
        width_mm=4.0,
        density=0.10,
        relief_mm=0.0,
        gloss=0.30,
        stain=(60, 80, 180),
    ),
}


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], cell_px: float) -> Field:
    """Return noise of about unit variance, shape `shape`, whose features are `cell_px` wide."""
    coarse = (max(2, round(shape[0] / cell_px) + 2), max(2, round(shape[1] / cell_px) + 2))
    grid = rng.standard_normal(coarse).astype(np.float32)
    return cv2.resize(grid, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC).astype(
        np.float32, copy=False
    )


@dataclass(frozen=True, eq=False)
class Texture:
    """A dish's tile: `albedo`, shape (side, side, 3), 0..255, and `relief_mm`, shape (side, side)."""

    albedo: Field
    relief_mm: Field
    px_per_mm: float

    def crop(self, rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Field, Field]:
        """Return albedo and relief of a random window."""
        top, left = (int(rng.integers(0, self.relief_mm.shape[i] - shape[i])) for i in (0, 1))
        window = (slice(top, top + shape[0]), slice(left, left + shape[1]))
        return self.albedo[window], self.relief_mm[window]


@lru_cache(maxsize=32)
def texture(name: str, px_per_mm: float) -> Texture:
    """Return a dish's tile; cached, treat as read-only."""
    dish = DISHES[name]
    side = round(TILE_MM * px_per_mm)
    rng = np.random.default_rng(list(name.encode()))
    tile = Texture(
        np.full((side, side, 3), dish.ground, np.float32), np.zeros((side, side), np.float32), px_per_mm
    )
    for layer in range(round(dish.density * (TILE_MM / 10) ** 2)):
        _paint_piece(rng, dish, tile, layer)
    mottle = 1.0 + 0.04 * smooth_noise(rng, (side, side), 12 * px_per_mm)
    grain = 1.0 + dish.grain * smooth_noise(rng, (side, side), max(1.0, _GRAIN_MM * px_per_mm))
    albedo = np.clip(tile.albedo * (mottle * grain)[:, :, None], 0, 255).astype(np.float32)
    relief = cv2.GaussianBlur(tile.relief_mm, (0, 0), max(0.3, 0.35 * px_per_mm))
    return Texture(albedo, relief.astype(np.float32, copy=False), px_per_mm)


def _paint_piece(rng: np.random.Generator, dish: Dish, tile: Texture, layer: int) -> None:
    """Draw one piece of random place, direction and colour; later ones lie on top of earlier ones."""
    shift = 3  # OpenCV's fixed-point bits: pieces are smaller than a pixel at low resolutions
    scale = tile.px_per_mm * (1 << shift)
    x, y = rng.uniform(0, TILE_MM, 2).tolist()
    length, width = (np.array([dish.length_mm, dish.width_mm]) * rng.uniform(0.7, 1.25, 2)).tolist()
    tone = float(rng.uniform(0.85, 1.12))
    colour = tuple(channel * tone for channel in dish.palette[int(rng.integers(len(dish.palette)))])
    height_mm = dish.relief_mm * (0.4 + 0.6 * (layer % 7) / 6)
    centre = (round(x * scale), round(y * scale))
    axes = (max(1, round(length / 2 * scale)), max(1, round(width / 2 * scale)))
    angle = float(rng.uniform(0, 360))
    cv2.ellipse(tile.albedo, centre, axes, angle, 0, 360, colour, -1, cv2.LINE_8, shift)
    cv2.ellipse(tile.relief_mm, centre, axes, angle, 0, 360, height_mm, -1, cv2.LINE_8, shift)
