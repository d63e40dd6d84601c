"""Finds rectangles of a known size by their sides: a Hough transform over place, for given directions.

After D. H. Ballard, "Generalizing the Hough transform to detect arbitrary shapes", Pattern Recognition 13(2),
1981. As only the sides vote, touching trays come apart, and hands or napkins, which have no such sides, do not
count.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from appliance.line.edges import Edges, Plane

_CORNER = 0.13
"""Radius of a tray's corners as a share of its short side; sides are judged between the corners."""

_ALIGNED = 0.82
"""Cosine up to which an edge runs along a side."""


@dataclass(frozen=True)
class Rectangle:
    """A rectangle in small-picture pixels.

    `angle_deg` is the direction of the long side from x towards y, in [0, 180). `sides` is the mean, `weakest`
    the least share of a side (0..1) that shows an edge, of what is in view; `in_view` the share of the area
    inside the picture, `covered` the share of that which differs from the background.
    """

    x: float
    y: float
    long: float
    short: float
    angle_deg: float
    sides: float
    weakest: float
    in_view: float
    covered: float

    @property
    def corners(self) -> npt.NDArray[np.float32]:
        """The corners, shape (4, 2)."""
        return cv2.boxPoints(((self.x, self.y), (self.long, self.short), self.angle_deg)).astype(np.float32)

    @property
    def score(self) -> float:
        """How much of a tray this is, 0..1."""
        return 0.5 * self.sides + 0.3 * self.weakest + 0.2 * self.covered


def overlap(a: Rectangle, b: Rectangle) -> float:
    """Return the common area of two rectangles as a share of the smaller one, 0..1."""
    if np.hypot(a.x - b.x, a.y - b.y) > (np.hypot(a.long, a.short) + np.hypot(b.long, b.short)) / 2:
        return 0.0
    common, _ = cv2.intersectConvexConvex(a.corners, b.corners)
    return float(common) / min(a.long * a.short, b.long * b.short)


def find_rectangles(
    edges: Edges,
    different: npt.NDArray[np.bool_],
    size: tuple[float, float],
    angles_deg: list[float],
    least_in_view: float = 0.4,
) -> list[Rectangle]:
    """Return the rectangles of `size` (long, short; pixels) whose sides are seen, best first, none overlapping.

    `angles_deg` are directions modulo 90 degrees. Sides may be seen up to 4 % of the long side off their place.
    """
    found: list[Rectangle] = []
    for angle in angles_deg:
        found += _along(edges, different, size, angle, least_in_view)
    found.sort(key=lambda one: -one.score * (0.8 + 0.2 * one.in_view))
    kept: list[Rectangle] = []
    for one in found:
        if all(overlap(one, other) < 0.2 for other in kept):
            kept.append(one)
    return kept


def _along(
    edges: Edges,
    different: npt.NDArray[np.bool_],
    size: tuple[float, float],
    angle_deg: float,
    least_in_view: float,
) -> list[Rectangle]:
    height, width = different.shape
    side = int(np.ceil(np.hypot(width, height) + 0.9 * size[1])) | 1
    turn = np.deg2rad(angle_deg)
    cos, sin = float(np.cos(turn)), float(np.sin(turn))
    middle, centre = side // 2, ((width - 1) / 2, (height - 1) / 2)
    # Canvas (u, v) -> picture: u runs along the direction, v across it.
    to_picture = np.array([[cos, -sin, 0], [sin, cos, 0]])
    to_picture[:, 2] = np.array(centre) - to_picture[:, :2] @ (middle, middle)

    def turned(plane: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(plane, to_picture, (side, side), flags=flags), np.uint8)

    level = edges.strength * 255
    across_u = np.abs(edges.across_x * cos + edges.across_y * sin) > _ALIGNED
    across_v = np.abs(edges.across_y * cos - edges.across_x * sin) > _ALIGNED
    reach = 2 * max(1, round(0.035 * size[0])) + 1
    steps_u = cv2.dilate(turned((level * across_u).astype(np.uint8)), np.ones((1, reach), np.uint8))
    steps_v = cv2.dilate(turned((level * across_v).astype(np.uint8)), np.ones((reach, 1), np.uint8))
    maps = _Maps(
        steps_u,
        steps_v,
        turned(np.full((height, width), 255, np.uint8)),
        turned(different.astype(np.uint8) * 255),
    )
    found: list[Rectangle] = []
    for long_first in (True, False):
        extent = size if long_first else size[::-1]
        for u, v, sides, weakest, in_view, covered in maps.peaks(extent, _CORNER * size[1], least_in_view):
            x, y = to_picture @ (u, v, 1.0)
            direction = angle_deg if long_first else angle_deg + 90
            found.append(Rectangle(x, y, *size, direction % 180, sides, weakest, in_view, covered))
    return found


@dataclass(frozen=True, eq=False)
class _Maps:
    """Turned planes, 0..255: edges across u and across v, what is in view, what differs from background."""

    steps_u: npt.NDArray[np.uint8]
    steps_v: npt.NDArray[np.uint8]
    view: npt.NDArray[np.uint8]
    different: npt.NDArray[np.uint8]

    def peaks(
        self, extent: tuple[float, float], corner: float, least_in_view: float
    ) -> list[tuple[int, int, float, float, float, float]]:
        """Return (u, v, sides, weakest, in view, covered) of the local maxima."""
        wide, high = extent
        length_v, length_u = round(high - 2 * corner), round(wide - 2 * corner)
        u_half, v_half = round(wide / 2), round(high / 2)
        area = (round(wide), round(high))
        in_view = _mean(self.view, area)
        seen: list[tuple[Plane, Plane]] = []
        for steps, window, shifts in (
            (self.steps_u, (1, length_v), ((u_half, 0), (-u_half, 0))),
            (self.steps_v, (length_u, 1), ((0, v_half), (0, -v_half))),
        ):
            support, visible = _mean(steps, window), _mean(self.view, window)
            share = np.where(visible > 0.3, support / np.maximum(visible, 0.3), np.float32(-1))
            seen += [(_moved(share, shift), _moved(visible, shift)) for shift in shifts]
        total, weight, weakest = np.zeros_like(in_view), np.zeros_like(in_view), np.ones_like(in_view)
        for share, visible in seen:
            use = share >= 0
            total += share * visible * use
            weight += visible * use
            weakest = np.where(use, np.minimum(weakest, share), weakest)
        sides = total / np.maximum(weight, 1e-3)
        covered = _mean(self.different, area) / np.maximum(in_view, 0.01)
        merit = 0.6 * sides + 0.4 * weakest
        allowed = (in_view >= least_in_view) & (weight > 1.3) & (sides > 0.6) & (weakest > 0.25)
        merit *= allowed
        # Off its true place by a pixel a rectangle may be as good: the middle of the plateau is wanted.
        merit = cv2.GaussianBlur(merit, (0, 0), 1.0)
        highest = cv2.dilate(merit, np.ones((15, 15), np.uint8))
        places = np.argwhere((merit == highest) & allowed & (merit > 0))
        best = sorted(((float(merit[v, u]), int(u), int(v)) for v, u in places), reverse=True)[:8]
        return [
            (u, v, *(float(plane[v, u]) for plane in (sides, weakest, in_view, covered))) for _, u, v in best
        ]


def _mean(plane: npt.NDArray[np.uint8], window: tuple[int, int]) -> Plane:
    """Return the mean 0..1 over a window (width, height) around each pixel; 0 outside the canvas."""
    odd = (window[0] | 1, window[1] | 1)
    return np.asarray(
        cv2.boxFilter(plane, cv2.CV_32F, odd, borderType=cv2.BORDER_CONSTANT) / np.float32(255), np.float32
    )


def _moved(plane: Plane, shift: tuple[int, int]) -> Plane:
    """Return the plane read at (u, v) + shift; -1 outside."""
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(plane, matrix, plane.shape[::-1], flags=flags, borderValue=(-1.0,)), np.float32
    )
