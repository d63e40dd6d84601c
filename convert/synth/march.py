"""Rays against height fields."""

from dataclasses import dataclass

import cv2
import numpy as np

from convert.synth.grid import CELL_MM, Field, Grid, Mask
from convert.synth.scene import FOREIGN, Scene
from convert.synth.view import View

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
    """What hangs over the rest: upper and lower sides; where there is nothing, the upper lies below the lower."""

    top: Field
    bottom: Field
    highest: float
    lowest: float


def cover_of(food: Scene, visible: Scene) -> Cover | None:
    """Return the layer that `visible` has over `food`, None if there is none."""
    mask = visible.kind == FOREIGN
    if visible is food or not mask.any():
        return None
    bottom = np.maximum(visible.underside, food.surface - 5)
    return Cover(
        np.where(mask, visible.surface, -_NOWHERE).astype(np.float32),
        np.where(mask, bottom, _NOWHERE).astype(np.float32),
        float(visible.surface[mask].max()),
        float(bottom[mask].min()),
    )


def look(
    surface: Field, grid: Grid, view: View, pixels: tuple[Field, Field], cover: Cover | None = None
) -> Hits:
    """Follow the rays of `pixels` (columns, rows) down to the surface, which goes on level beyond the grid.

    Steps of about 3 mm in height with a linear step at the end, finer ones where something hangs above.
    """
    across, along = view.rays(*pixels)
    eye = view.eye
    # Columns and rows are linear in the height.
    from_column, from_row = (
        place(np.float32(e) + slope * np.float32(-eye[2]))
        for place, e, slope in ((grid.column, eye[0], across), (grid.row, eye[1], along))
    )
    per_column, per_row = across / np.float32(-CELL_MM), along / np.float32(-CELL_MM)
    levels = _levels(surface, cover)
    height = np.full(across.shape, levels[-1], np.float32)
    going, covered = np.ones(across.shape, bool), np.zeros(across.shape, bool)
    before = np.full(across.shape, -1, np.float32)
    previous = levels[0]
    for level in levels:
        columns, rows = from_column + per_column * level, from_row + per_row * level
        if cover is not None and cover.lowest - _FINE_MM <= level <= cover.highest + _FINE_MM:
            top, bottom = _sample(cover.top, columns, rows), _sample(cover.bottom, columns, rows)
            met = going & (top >= level) & (bottom <= level)
            height[met] = np.minimum(top[met], previous)
            covered |= met
            going &= ~met
        gap = _sample(surface, columns, rows) - level
        met = going & (gap >= 0)
        share = before[met] / (before[met] - gap[met] - 1e-6)
        height[met] = previous + np.clip(share, 0, 1) * (level - previous)
        going &= ~met
        before, previous = gap, level
    x = np.float32(eye[0]) + across * (np.float32(-eye[2]) - height)
    y = np.float32(eye[1]) + along * (np.float32(-eye[2]) - height)
    return Hits(x, y, height, grid.column(x), grid.row(y), covered)


def _levels(surface: Field, cover: Cover | None) -> Field:
    top, floor = float(surface.max()) + 0.1, float(surface.min())
    levels = np.linspace(top, floor, max(8, int((top - floor) / _STEP_MM) + 2))
    if cover is not None:
        fine = np.arange(cover.lowest, cover.highest + _FINE_MM, _FINE_MM)
        levels = np.sort(np.concatenate([fine, levels]))[::-1]
    return levels.astype(np.float32)


def _sample(field: Field, columns: Field, rows: Field) -> Field:
    return cv2.remap(field, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def nearest(grid: Grid, columns: Field, rows: Field) -> np.typing.NDArray[np.intp]:
    """Return flat indices of the nearest cells, clipped to the grid."""
    column = np.clip(np.rint(columns), 0, grid.columns - 1).astype(np.intp)
    row = np.clip(np.rint(rows), 0, grid.rows - 1).astype(np.intp)
    return np.asarray(row * grid.columns + column)


def bounce(
    surface: Field, grid: Grid, start: tuple[Field, Field, Field], direction: tuple[Field, Field, Field]
) -> np.typing.NDArray[np.intp]:
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
