"""How clearly edges run through a top view, and along the outlines of shapes in it."""

import cv2
import numpy as np
import numpy.typing as npt

from appliance.picture import Picture
from appliance.tray.shape import NORMALS, Floats, outlines

COARSE_MM, FINE_MM = 1.6, 0.5
"""How far from an outline its edge may lie: while searching, and where its side has been found."""

BEND_MM = 1.8
"""Where steel bends into a well, several edges run side by side; smoothed by this the bend is one."""

_DIRECTIONS = 8
_TOLERANCE_MM = 1.2
_REACH = 2
"""Points on either side over which an outline's edge is averaged."""

_DIRECTION = (
    np.round(np.arctan2(NORMALS[:, 1], NORMALS[:, 0]) / np.pi * _DIRECTIONS).astype(np.intp) % _DIRECTIONS
)
"""The direction of every point of an outline, (72,)."""

Indices = npt.NDArray[np.intp]


class EdgeView:
    """How clearly an edge of a given direction runs through each pixel of a view, 0..1."""

    def __init__(self, view: Picture, px_per_mm: float) -> None:
        self.px_per_mm = px_per_mm
        lab = cv2.cvtColor(view, cv2.COLOR_BGR2LAB)
        smooth = cv2.GaussianBlur(lab, (0, 0), 0.6 * px_per_mm).astype(np.float32)
        dx = cv2.Scharr(smooth, cv2.CV_32F, 1, 0, scale=1 / 32)
        dy = cv2.Scharr(smooth, cv2.CV_32F, 0, 1, scale=1 / 32)
        strongest = np.argmax(dx**2 + dy**2, axis=2)[..., None]
        gx, gy = (np.take_along_axis(d, strongest, axis=2)[..., 0] for d in (dx, dy))
        size = np.hypot(gx, gy)
        window = int(2 * round(15 * px_per_mm) + 1)
        usual = cv2.blur(size, (window, window))
        reach = 2 * round(_TOLERANCE_MM * px_per_mm) + 1
        scale = 1.5 * usual + 1.0
        self.vertical = _clipped(cv2.dilate(np.abs(gx) / scale, np.ones((1, reach))))
        self.horizontal = _clipped(cv2.dilate(np.abs(gy) / scale, np.ones((reach, 1))))
        # Brushed steel and sensor noise make faint edges everywhere: a plain patch may have them.
        self.plain = cv2.GaussianBlur(size, (0, 0), 0.8 * px_per_mm) < 0.8 * usual + 2.5
        self._down = np.pad(np.cumsum(self.vertical, axis=0, dtype=np.float64), ((1, 0), (0, 0)))
        self._along = np.pad(np.cumsum(self.horizontal, axis=1, dtype=np.float64), ((0, 0), (1, 0)))
        # Directions doubled, so that light-to-dark and dark-to-light are one and can be smoothed together.
        share = 1 / np.maximum(size * (size + 0.6 * usual + 1.0), 1e-6)
        even, odd = share * (gx * gx - gy * gy), share * 2 * gx * gy
        self._fields = {mm: _by_direction(even, odd, mm * px_per_mm) for mm in (COARSE_MM, FINE_MM)}
        even, odd = (cv2.GaussianBlur(part, (0, 0), BEND_MM * px_per_mm) for part in (even, odd))
        self._fields[BEND_MM] = _by_direction(even, odd, 0.0)

    def vertical_sides(self, x: Indices, y0: Indices, y1: Indices) -> Floats:
        """Return the mean presence of an edge along vertical sides."""
        return np.asarray((self._down[y1, x] - self._down[y0, x]) / np.maximum(y1 - y0, 1), np.float64)

    def horizontal_sides(self, y: Indices, x0: Indices, x1: Indices) -> Floats:
        """Return the mean presence of an edge along horizontal sides."""
        return np.asarray((self._along[y, x1] - self._along[y, x0]) / np.maximum(x1 - x0, 1), np.float64)

    def scores(self, shapes: Floats, tolerance_mm: float) -> Floats:
        """Return how well edges run along whole outlines, (N, 5) rows of x0, y0, x1, y1, radius; 0..1 each.

        The mean over the worst quarter of an outline: chance agreement has good sides, but not all around.
        """
        smooth = self._along_outlines(shapes, tolerance_mm)
        quarter = smooth.shape[1] // 4
        return np.asarray(np.sort(smooth, axis=1)[:, :quarter].mean(axis=1), np.float64)

    def fits(self, shapes: Floats, tolerance_mm: float) -> Floats:
        """Return what rises with every side that finds an edge, also while others have none; (N,), 0..1."""
        smooth = self._along_outlines(shapes, tolerance_mm)
        quarter = smooth.shape[1] // 4
        worst = np.sort(smooth, axis=1)[:, :quarter].mean(axis=1)
        return np.asarray(0.5 * smooth.mean(axis=1) + 0.5 * worst, np.float64)

    def _along_outlines(self, shapes: Floats, tolerance_mm: float) -> Floats:
        xs, ys = outlines(shapes)
        columns = np.clip(np.round(xs).astype(np.intp), 0, self.plain.shape[1] - 1)
        rows = np.clip(np.round(ys).astype(np.intp), 0, self.plain.shape[0] - 1)
        found = self._fields[tolerance_mm][_DIRECTION, rows, columns]
        ring = np.concatenate([found[:, -_REACH:], found, found[:, :_REACH]], axis=1)
        count = found.shape[1]
        near = sum(ring[:, start : start + count] for start in range(2 * _REACH, -1, -1))
        return np.asarray(near / (2 * _REACH + 1), np.float64)


def _by_direction(
    even: cv2.typing.MatLike, odd: cv2.typing.MatLike, tolerance_px: float
) -> npt.NDArray[np.float32]:
    """Return for every direction of an edge's normal how clearly one runs within the tolerance, (D, H, W)."""
    side = 2 * round(tolerance_px) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    layers = []
    for turn in np.arange(_DIRECTIONS) * np.pi / _DIRECTIONS:
        along = even * np.cos(2 * turn) + odd * np.sin(2 * turn)
        layers.append(cv2.dilate(np.maximum(along, 0), disc))
    return np.stack(layers).astype(np.float32)


def _clipped(presence: cv2.typing.MatLike) -> npt.NDArray[np.float32]:
    return np.asarray(np.minimum(presence, 1.0), np.float32)
