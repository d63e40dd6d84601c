"""Rounded rectangles and circles: the outlines that wells have."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from appliance.tray.curves import rounded_rectangle
from appliance.tray.layout import Points

Floats = npt.NDArray[np.float64]

_PER_CORNER, _PER_SIDE = 6, 12


@dataclass(frozen=True)
class Shape:
    """A rounded rectangle, or a circle where the radius is half of both sides; all in pixels of the view."""

    x0: float
    y0: float
    x1: float
    y1: float
    radius: float

    @property
    def width(self) -> float:
        """Width."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """Height."""
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return self.width * self.height - (4 - np.pi) * self.radius**2

    @property
    def centre(self) -> tuple[float, float]:
        """Centre."""
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def outline(self) -> Points:
        """Return the closed polygon."""
        return rounded_rectangle(self.x0, self.y0, self.x1, self.y1, self.radius)

    def grown(self, by: float) -> Self:
        """Return the shape with every side moved out."""
        return type(self)(self.x0 - by, self.y0 - by, self.x1 + by, self.y1 + by, max(0.0, self.radius + by))

    def contains(self, x: float, y: float) -> bool:
        """Whether the bounding rectangle holds a point."""
        return self.x0 < x < self.x1 and self.y0 < y < self.y1

    def holds(self, other: "Shape") -> bool:
        """Whether the bounding rectangle holds another's."""
        return self.contains(other.x0, other.y0) and self.contains(other.x1, other.y1)

    def alike(self, other: "Shape", within: float) -> bool:
        """Whether no side lies further than `within` from the other's."""
        return (
            abs(self.x0 - other.x0) < within
            and abs(self.y0 - other.y0) < within
            and abs(self.x1 - other.x1) < within
            and abs(self.y1 - other.y1) < within
        )


def outlines(shapes: Floats) -> tuple[Floats, Floats]:
    """Return x and y of points evenly around shapes, (N, 72) each; `NORMALS` are their outward normals.

    Rows of `shapes` (N, 5) are x0, y0, x1, y1, radius. Points come in order around, each side after its
    corner.
    """
    x0, y0, x1, y1, radius = (column[:, None] for column in shapes.T)
    radius = np.minimum(radius, np.minimum(x1 - x0, y1 - y0) / 2)
    corner_x = (x0 + x1) / 2 + _SIGNS[:, 0] * ((x1 - x0) / 2 - radius) + radius * _CIRCLE[:, 0]
    corner_y = (y0 + y1) / 2 + _SIGNS[:, 1] * ((y1 - y0) / 2 - radius) + radius * _CIRCLE[:, 1]
    across = x0 + radius + (x1 - x0 - 2 * radius) * _ALONG_SIDE
    down = y0 + radius + (y1 - y0 - 2 * radius) * _ALONG_SIDE
    xs = _around(corner_x, across, x1, across[:, ::-1], x0)
    return xs, _around(corner_y, y0, down, y1, down[:, ::-1])


def _around(corners: Floats, *sides: Floats) -> Floats:
    """Return values of corners (N, 24) and of four sides, (N, 12) or (N, 1), in their order, (N, 72)."""
    values = np.empty((len(corners), len(sides), _PER_CORNER + _PER_SIDE))
    values[:, :, :_PER_CORNER] = corners.reshape(len(corners), len(sides), _PER_CORNER)
    for i, side in enumerate(sides):
        values[:, i, _PER_CORNER:] = side
    return values.reshape(len(corners), -1)


_CIRCLE = rounded_rectangle(-1, -1, 1, 1, 1.0, per_corner=_PER_CORNER)
"""The corners' directions."""
_SIGNS = np.repeat([[-1, -1], [1, -1], [1, 1], [-1, 1]], _PER_CORNER, axis=0)
_ALONG_SIDE = (np.arange(_PER_SIDE) + 0.5) / _PER_SIDE
_OUTWARD = np.array([[[0.0, 1.0, 0.0, -1.0]], [[-1.0, 0.0, 1.0, 0.0]]])
NORMALS = np.stack([_around(_CIRCLE[None, :, k], *_OUTWARD[k].T[:, :, None])[0] for k in range(2)], axis=-1)
"""Outward normals of the points of `outlines`, (72, 2): the same for every shape."""
