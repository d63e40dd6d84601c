"""The raster in the tray's own frame on which everything lies as height fields."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]
"""One value per cell, shape (rows, columns); in a picture, one per pixel."""

Colours = npt.NDArray[np.float32]
"""Linear red, green, blue per cell, shape (rows, columns, 3)."""

Mask = npt.NDArray[np.bool_]

CELL_MM = 1.0

MARGIN_MM = 70
"""How far the raster reaches beyond the tray: shadows and hands lie there."""


@dataclass(frozen=True)
class Grid:
    """Square cells of `CELL_MM` around the tray's centre: x to the right, y down, heights upwards."""

    rows: int
    columns: int

    @staticmethod
    def around(width_mm: float, height_mm: float) -> "Grid":
        """Return the raster for a tray of this size."""
        rows, columns = (
            round(side / CELL_MM) + 2 * round(MARGIN_MM / CELL_MM) for side in (height_mm, width_mm)
        )
        return Grid(rows, columns)

    @cached_property
    def x(self) -> Field:
        """Return the cells' x in mm from the tray's centre, shape (1, columns)."""
        return ((np.arange(self.columns, dtype=np.float32) - (self.columns - 1) / 2) * CELL_MM)[None]

    @cached_property
    def y(self) -> Field:
        """Return the cells' y in mm from the tray's centre, shape (rows, 1)."""
        return ((np.arange(self.rows, dtype=np.float32) - (self.rows - 1) / 2) * CELL_MM)[:, None]

    def column(self, x_mm: Field) -> Field:
        """Return fractional column indices of x positions."""
        return (x_mm / CELL_MM + (self.columns - 1) / 2).astype(np.float32)

    def row(self, y_mm: Field) -> Field:
        """Return fractional row indices of y positions."""
        return (y_mm / CELL_MM + (self.rows - 1) / 2).astype(np.float32)
