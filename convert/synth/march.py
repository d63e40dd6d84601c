"""Rays against height fields."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from convert.synth.grid import CELL_MM, Field, Grid, Mask
from convert.synth.scene import FOREIGN, Scene
from convert.synth.view import View

Cells = npt.NDArray[np.intp]
"""Flat indices of cells."""

_STEP_MM = 2.8
_FINE_MM = 1.3
_NOWHERE = 300.0
_FAR_MM = np.array([1.5, 3, 5, 7.5, 10.5, 14, 19, 25, 33, 43, 56, 73, 95], np.float32)


@dataclass(frozen=True, eq=False)
class Hits:
    """Where the rays of a picture meet a surface; all of the picture's shape, in the tray's frame, in mm."""

    x: Field
    y: Field
    height: Field
    columns: Field
    rows: Field
    covered: Mask
    """True where the ray met what hangs over the rest."""


@dataclass(frozen=True, eq=False)
class Cover:
    """What hangs over the rest: upper and lower sides; where nothing does, the upper lies below the lower."""

    sides: Field
    """Upper and lower, (rows, columns, 2)."""
    highest: float
    lowest: float


def cover_of(food: Scene, visible: Scene) -> Cover | None:
    """Return the layer that `visible` has over `food`, None if there is none."""
    mask = visible.kind == FOREIGN
    if visible is food or not mask.any():
        return None
    bottom = np.maximum(visible.underside, food.surface - 5)
    sides = np.dstack([np.where(mask, visible.surface, -_NOWHERE), np.where(mask, bottom, _NOWHERE)])
    return Cover(
        sides.astype(np.float32),
        float(visible.surface[mask].max()),
        float(bottom[mask].min()),
    )


@dataclass(frozen=True, eq=False)
class _Rays:
    """Where a picture's rays are at a height: columns and rows are linear in it."""

    columns: Field
    rows: Field
    per_column: Field
    per_row: Field

    def at(self, height: Field | np.float32) -> tuple[Field, Field]:
        """Return columns and rows at a height."""
        return self.columns + self.per_column * height, self.rows + self.per_row * height

    def part(self, window: tuple[slice, slice]) -> "_Rays":
        """Return the rays of a part of the picture."""
        return _Rays(self.columns[window], self.rows[window], self.per_column[window], self.per_row[window])


def look(
    surface: Field, grid: Grid, view: View, pixels: tuple[Field, Field], cover: Cover | None = None
) -> Hits:
    """Follow the rays of `pixels` (columns, rows) down to the surface, which goes on level beyond the grid.

    Steps of about 3 mm in height with a linear step at the end, finer ones where something hangs above.
    """
    across, along = view.rays(*pixels)
    eye = view.eye.astype(np.float32)
    rays = _Rays(
        grid.column(eye[0] - across * eye[2]),
        grid.row(eye[1] - along * eye[2]),
        across / np.float32(-CELL_MM),
        along / np.float32(-CELL_MM),
    )
    height = _descend(surface, rays)
    covered = np.zeros(height.shape, bool)
    if cover is not None:
        window = _window(cover, rays)
        above = _meet(cover, rays.part(window))
        covered[window] = above > height[window]
        height[window] = np.maximum(above, height[window])
    x, y = (e - slope * (eye[2] + height) for e, slope in ((eye[0], across), (eye[1], along)))
    return Hits(x, y, height, grid.column(x), grid.row(y), covered)


def _descend(surface: Field, rays: _Rays) -> Field:
    """Return the height at which each ray meets the surface."""
    top, floor = float(surface.max()) + 0.1, float(surface.min())
    levels = np.linspace(top, floor, max(8, int((top - floor) / _STEP_MM) + 2)).astype(np.float32)
    height = np.full(rays.columns.shape, floor, np.float32)
    going = np.ones(height.shape, bool)
    before = np.full(height.shape, -1, np.float32)
    previous = levels[0]
    for level in levels:
        gap = _sample(surface, *rays.at(level)) - level
        met = going & (gap >= 0)
        share = before[met] / (before[met] - gap[met] - 1e-6)
        height[met] = previous + np.clip(share, 0, 1) * (level - previous)
        going &= ~met
        before, previous = gap, level
    return height


def _meet(cover: Cover, rays: _Rays) -> Field:
    """Return the height at which each ray meets the cover, far below where it does not."""
    height = np.full(rays.columns.shape, -_NOWHERE, np.float32)
    going = np.ones(height.shape, bool)
    levels = np.arange(cover.highest + _FINE_MM, cover.lowest - _FINE_MM, -_FINE_MM)
    for level in levels.astype(np.float32):
        sides = _sample(cover.sides, *rays.at(level))
        met = going & (sides[..., 0] >= level) & (sides[..., 1] <= level)
        height[met] = np.minimum(sides[..., 0][met], level + _FINE_MM)
        going &= ~met
    return height


def _window(cover: Cover, rays: _Rays) -> tuple[slice, slice]:
    """Return the part of the picture whose rays may meet the cover, which goes on beyond the grid's edge."""
    shape = cover.sides.shape[:2]
    spans = [np.flatnonzero((cover.sides[..., 0] > -_NOWHERE).any(axis=axis)) for axis in (1, 0)]
    near = np.ones(rays.rows.shape, bool)
    for level in (cover.highest, cover.lowest):
        columns, rows = rays.at(np.float32(level))
        inside = np.ones(near.shape, bool)
        for place, span, side in ((rows, spans[0], shape[0]), (columns, spans[1], shape[1])):
            low = span[0] - 3 if span[0] > 2 else -np.inf
            high = span[-1] + 3 if span[-1] < side - 3 else np.inf
            inside &= (place >= low) & (place <= high)
        near = inside if level == cover.highest else near | inside
    down, right = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
    if not len(down):
        return slice(0, 1), slice(0, 1)
    return slice(int(down[0]), int(down[-1]) + 1), slice(int(right[0]), int(right[-1]) + 1)


def _sample(field: Field, columns: Field, rows: Field) -> Field:
    taken = cv2.remap(field, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(taken, np.float32)


def nearest(grid: Grid, columns: Field, rows: Field) -> Cells:
    """Return flat indices of the nearest cells, clipped to the grid."""
    column = np.clip(np.rint(columns), 0, grid.columns - 1).astype(np.intp)
    row = np.clip(np.rint(rows), 0, grid.rows - 1).astype(np.intp)
    return np.asarray(row * grid.columns + column)


def bounce(
    surface: Field, grid: Grid, start: tuple[Field, Field, Field], direction: tuple[Field, Field, Field]
) -> Cells:
    """Follow flat arrays of rays from points on the surface; return the flat index of the cell hit, or -1."""
    (x, y, z), (dx, dy, dz) = start, direction
    hit = np.full(x.shape, -1, np.intp)
    flat, top = surface.ravel(), float(surface.max())
    going = np.arange(len(x))
    for reach in _FAR_MM:
        height = z[going] + dz[going] * reach
        going = going[height < top]
        if not len(going):
            break
        columns = grid.column(x[going] + dx[going] * reach)
        rows = grid.row(y[going] + dy[going] * reach)
        cell = nearest(grid, columns, rows)
        inside = flat[cell] > z[going] + dz[going] * reach + 0.15
        hit[going[inside]] = cell[inside]
        going = going[~inside]
    return hit
