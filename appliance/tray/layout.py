"""A tray type: its size and the outlines of its compartments, in millimetres."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
"""Points, shape (N, 2)."""


@dataclass(frozen=True, eq=False)
class Compartment:
    """A well.

    `outline_mm` is its opening, `floor_mm` the outline of its flat floor, both closed polygons in tray
    millimetres; `depth_mm` is how far the floor lies below the deck.
    """

    id: int
    name: str
    outline_mm: Points
    floor_mm: Points
    depth_mm: float


@dataclass(frozen=True, eq=False)
class Layout:
    """A tray type.

    Tray millimetres: origin at the top left corner of the rim's bounding rectangle as it lies in the empty
    reference picture, x to the right, y down. `tray_mm` is (width, height) of that rectangle.
    """

    tray_mm: tuple[float, float]
    corner_radius_mm: float
    compartments: tuple[Compartment, ...]
