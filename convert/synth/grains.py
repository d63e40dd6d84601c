"""Grains of rice: a tile of overlapping ellipsoids, and single ones."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from convert.synth.grid import Field
from convert.synth.noise import Rng

_TILE = 320
_HALF = 5


@dataclass(frozen=True, eq=False)
class GrainTile:
    """`height` in mm above an arbitrary level; `grain` is a number per grain."""

    height: Field
    grain: npt.NDArray[np.int32]


def grain(angle: float, length_mm: float, width_mm: float, tilt: float) -> Field:
    """Return one grain's height in mm over its middle plane, (2 * half + 1) cells square; 0 outside."""
    side = np.arange(-_HALF, _HALF + 1, dtype=np.float32)
    along = np.cos(angle) * side[None] + np.sin(angle) * side[:, None]
    across = -np.sin(angle) * side[None] + np.cos(angle) * side[:, None]
    radius2 = (along / (length_mm / 2)) ** 2 + (across / (width_mm / 2)) ** 2
    body = np.sqrt(np.clip(1 - radius2, 0, 1)) * width_mm * 0.75
    return np.where(radius2 < 1, body + tilt * along, 0).astype(np.float32)


@lru_cache(maxsize=1)
def grain_tile() -> GrainTile:
    """Return the tile that all rice is cut from."""
    rng = np.random.default_rng(7)
    height = np.zeros((_TILE, _TILE), np.float32)
    ids = np.zeros((_TILE, _TILE), np.int32)
    stamps = [
        grain(angle, length, 2.5, tilt)
        for angle in np.linspace(0, np.pi, 16, endpoint=False)
        for length, tilt in ((5.6, 0.0), (6.4, 0.25), (4.6, -0.3))
    ]
    size = 2 * _HALF + 1
    for number in range(_TILE * _TILE // 5):
        row, column = rng.integers(0, _TILE - size, 2)
        stamp = stamps[int(rng.integers(len(stamps)))]
        here = (slice(row, row + size), slice(column, column + size))
        top = np.where(stamp > 0, stamp + rng.uniform(0, 2.2), 0)
        above = top > height[here]
        height[here][above] = top[above]
        ids[here][above] = number
    edge = size
    inner = (slice(edge, -edge), slice(edge, -edge))
    return GrainTile(height[inner] - height[inner].mean(), ids[inner])


def grain_window(rng: Rng, shape: tuple[int, int]) -> GrainTile:
    """Return a random part of the tile, mirrored or turned at random; repeated where the part is larger."""
    tile = grain_tile()
    turns, mirror = int(rng.integers(4)), rng.random() < 0.5
    side = len(tile.height)
    down, right = int(rng.integers(side)), int(rng.integers(side))
    rows, columns = (np.arange(shape[0]) + down) % side, (np.arange(shape[1]) + right) % side
    step = -1 if mirror else 1
    height, ids = np.rot90(tile.height, turns)[:, ::step], np.rot90(tile.grain, turns)[:, ::step]
    return GrainTile(height[np.ix_(rows, columns)], ids[np.ix_(rows, columns)])
