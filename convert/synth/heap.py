"""Where food lies in a well: thickness fields of a given volume, by the way it was eaten."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from convert.synth.grid import CELL_MM, Field
from convert.synth.noise import Rng, choose, smooth_noise, uniform
from convert.synth.tray import Tray, Well

EATEN = ("level", "push", "hollow", "bites", "clumps", "thin")
"""Ways in which a part is left, for rice and solid dishes."""

_STEPS = 24
_CELL_MM2 = CELL_MM * CELL_MM


@dataclass(frozen=True, eq=False)
class Bowl:
    """The window of the raster around one well."""

    rows: slice
    columns: slice
    floor: Field
    """Height of the empty tray in mm, 0 on the deck."""
    inside: Field
    x: Field
    y: Field
    well: Well

    @property
    def capacity_mm3(self) -> float:
        """Return the volume up to the deck."""
        return float(np.where(self.inside > 0, -self.floor, 0).clip(0).sum()) * _CELL_MM2

    @property
    def shape(self) -> tuple[int, int]:
        """Return (rows, columns)."""
        rows, columns = self.floor.shape
        return rows, columns


def bowl(tray: Tray, well: Well) -> Bowl:
    """Return a well's window, with a border for what hangs over the edge."""
    rows, columns = np.nonzero(well.inside > -12)
    window = slice(int(rows.min()), int(rows.max()) + 1), slice(int(columns.min()), int(columns.max()) + 1)
    x, y = (np.broadcast_to(axis, tray.height.shape)[window] for axis in (tray.grid.x, tray.grid.y))
    return Bowl(*window, tray.height[window], well.inside[window], x, y, well)


def solve(volume_mm3: float, thickness: Callable[[float], Field], low: float, high: float) -> Field:
    """Return `thickness(p)` for the p in [low, high] that gives the volume; thickness must grow with p."""
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if float(thickness(middle).sum()) * _CELL_MM2 < volume_mm3:
            low = middle
        else:
            high = middle
    return thickness(high)


def served(rng: Rng, into: Bowl, volume_mm3: float, dome_mm: float, steep: float) -> Field:
    """Return the thickness of a full serving: level or heaped, away from the well's edge."""
    dome = dome_mm * (1 - np.exp(-np.maximum(into.inside, 0) / 22))
    lumps = uniform(rng, (0.5, 1.6)) * smooth_noise(rng, into.shape, 25, 3)
    keep_off = rng.uniform(-0.5, 4) + uniform(rng, (0.5, 2.5)) * smooth_noise(rng, into.shape, 20, 3)
    border = np.maximum(steep * (into.inside - keep_off), 0)

    def thickness(level: float) -> Field:
        return np.minimum(np.maximum(level + dome + lumps - into.floor, 0), border).astype(np.float32)

    depth = into.well.depth_mm
    return solve(volume_mm3, thickness, -depth - 20 - dome_mm, 30)


def eaten(rng: Rng, into: Bowl, full: Field, *, volume_mm3: float, way: str, slope: float) -> Field:
    """Return what is left of `full` (thickness in mm), eaten in one of the `EATEN` ways, with this volume."""
    if way == "level":
        lumps = uniform(rng, (0.6, 2.2)) * smooth_noise(rng, into.shape, 18, 3)
        border = np.maximum(slope * (into.inside - 1), 0)
        return solve(
            volume_mm3,
            lambda p: np.minimum(np.maximum(p + lumps - into.floor, 0), border).astype(np.float32),
            -into.well.depth_mm - 10,
            30,
        )
    cap = full * uniform(rng, (0.8, 1.2))
    if way == "thin":
        uneven = np.clip(1 + 0.5 * smooth_noise(rng, into.shape, 20, 3), 0.0, 2.0)
        return solve(volume_mm3, lambda p: (cap * np.clip(p * uneven, 0, 1.3)).astype(np.float32), 0, 4)
    field = _front(rng, into, way)
    return solve(
        volume_mm3,
        lambda p: np.minimum(cap, np.maximum(slope * (p + field), 0)).astype(np.float32),
        -200,
        200,
    )


def _front(rng: Rng, into: Bowl, way: str) -> Field:
    """Return the distance-like field in mm along which food was taken."""
    x, y = into.x - into.x.mean(), into.y - into.y.mean()
    ragged = uniform(rng, (2, 6)) * smooth_noise(rng, into.shape, 22, 4)
    reach = float(into.inside.max())
    if way == "push":
        angle = rng.uniform(0, 2 * np.pi)
        return np.asarray(np.cos(angle) * x + np.sin(angle) * y + ragged, np.float32)
    if way == "hollow":
        centre = rng.normal(0, 0.35 * reach, 2)
        return np.asarray(np.hypot(x - centre[0], y - centre[1]) + ragged, np.float32)
    if way == "bites":
        centres = rng.normal(0, 0.8 * reach, (int(rng.integers(2, 6)), 2))
        nearest = np.min([np.hypot(x - cx, y - cy) for cx, cy in centres], axis=0)
        return np.asarray(nearest + 0.6 * ragged, np.float32)
    waves = smooth_noise(rng, into.shape, uniform(rng, (25, 60)), 3)
    return (12 * waves + 0.4 * into.inside).astype(np.float32)


def waterline(rng: Rng, into: Bowl, volume_mm3: float, bottom: Field) -> Field:
    """Return a liquid's thickness above `bottom` so that both together have the volume above the tray.

    The level may be tilted a little, as trays lie; small volumes become puddles that surface tension holds.
    """
    tilt = rng.normal(0, 0.006, 2)
    level = tilt[0] * (into.x - into.x.mean()) + tilt[1] * (into.y - into.y.mean())
    allowed = into.inside > 0.5

    def filled(p: float) -> Field:
        top = np.where(allowed, np.maximum(p + level, bottom), bottom)
        return (top - into.floor).astype(np.float32)

    whole = solve(volume_mm3, filled, -into.well.depth_mm - 8, 12)
    thin = volume_mm3 < 2.2 * float((into.inside > into.well.taper_mm).sum()) * _CELL_MM2
    if thin and rng.random() < 0.7:
        whole = _puddle(rng, into, volume_mm3, bottom)
    return np.maximum(whole - (bottom - into.floor), 0)


def _puddle(rng: Rng, into: Bowl, volume_mm3: float, bottom: Field) -> Field:
    tallest = uniform(rng, (1.2, 2.6))
    uphill = (into.floor + into.well.depth_mm) * 2.5
    spread = uniform(rng, (4, 14)) * smooth_noise(rng, into.shape, uniform(rng, (25, 70)), 3)
    lean = rng.normal(0, 0.15, 2)
    spread = spread + lean[0] * (into.x - into.x.mean()) + lean[1] * (into.y - into.y.mean())
    allowed = into.inside > 0.5

    def filled(p: float) -> Field:
        pool = np.minimum(tallest, np.maximum(0.35 * (p + spread - uphill), 0))
        return (np.where(allowed, np.maximum(pool, bottom - into.floor), bottom - into.floor)).astype(
            np.float32
        )

    return solve(volume_mm3, filled, -150, 150)


def draw_way(rng: Rng, kind: str) -> str:
    """Return how a dish of this kind was eaten."""
    if kind == "rice":
        return choose(rng, EATEN, (0.12, 0.34, 0.16, 0.2, 0.13, 0.05))
    return choose(rng, EATEN, (0.15, 0.25, 0.15, 0.1, 0.25, 0.1))
