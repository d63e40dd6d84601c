"""Finds rectangles of a known size by their sides: a Hough transform over place, for given directions.

After D. H. Ballard, "Generalizing the Hough transform to detect arbitrary shapes", Pattern
Recognition 13(2), 1981. As only the sides vote, touching trays come apart, and hands or napkins, which have
no such sides, do not count.
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

_REACH = 0.035
"""How far an edge may lie off its side, as a share of the long side: sizes are known that well."""

_APART = 0.2
"""Overlap up to which two rectangles may be two trays."""

_JUDGED = 0.3
"""Share of a side that has to be in view for the side to count."""

_SEEN_SIDES = 1.3
"""How many sides have to be in view at least, in all."""

_LEAST_SIDES, _LEAST_SIDE, _LEAST_COVERED = 0.68, 0.3, 0.5
"""What a tray shows at least: of all its sides together, of each side (a hand may hold it), of its area."""

_LEAST_IN_VIEW = 0.4
"""Share of a tray that has to be in view to be found."""

_NEAR, _PREFERRED = 0.12, 0.08
"""Distance from an expected place, as a share of the short side, that is near, and what that adds."""

_MOST_PEAKS = 8


@dataclass(frozen=True)
class Rectangle:
    """A rectangle in small-picture pixels.

    `angle_deg` is the direction of the long side from x towards y, in [0, 180). `sides` is the mean and
    `weakest` the least share of a side (0..1) that shows an edge, of what is in view; `in_view` is the
    of the area inside the picture, `covered` the share of that which hides the belt.
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
    covered: npt.NDArray[np.bool_],
    size: tuple[float, float],
    angles_deg: list[float],
    expected: list[Rectangle] | None = None,
) -> list[Rectangle]:
    """Return the rectangles of `size` whose sides are seen, best first, none lying in another.

    `size` is (long, short) in pixels, `covered` tells where the belt is not seen, and `angles_deg` are the
    directions to try, modulo 90 degrees. Sides may be up to 4 % of the long side off their place. Of two
    rectangles alike the one near an `expected` place is preferred.
    """
    found: list[Rectangle] = []
    for angle in angles_deg:
        turned = _turn(edges, covered, size, angle)
        for long_first in (True, False):
            extent, direction = (size, angle) if long_first else (size[::-1], angle + 90)
            for peak in turned.peaks(extent, _CORNER * size[1]):
                x, y = turned.to_picture @ (peak.u, peak.v, 1.0)
                found.append(
                    Rectangle(
                        x, y, *size, direction % 180, peak.sides, peak.weakest, peak.in_view, peak.covered
                    )
                )

    def rank(one: Rectangle) -> float:
        near = any(np.hypot(one.x - at.x, one.y - at.y) < _NEAR * at.short for at in expected or [])
        return one.score * (0.8 + 0.2 * one.in_view) + (_PREFERRED if near else 0.0)

    found.sort(key=rank, reverse=True)
    kept: list[Rectangle] = []
    for one in found:
        if all(overlap(one, other) < _APART for other in kept):
            kept.append(one)
    return kept


@dataclass(frozen=True)
class _Peak:
    """A local maximum on the canvas."""

    u: int
    v: int
    sides: float
    weakest: float
    in_view: float
    covered: float


@dataclass(frozen=True, eq=False)
class _Turned:
    """A picture turned so that the sides run along u and v, with `margin` around it.

    The planes (0..255) hold edges across u, edges across v, what is in view, and what is covered;
    `to_picture` (2, 3) maps canvas (u, v, 1) to picture (x, y).
    """

    to_picture: npt.NDArray[np.float64]
    margin: int
    steps_u: npt.NDArray[np.uint8]
    steps_v: npt.NDArray[np.uint8]
    view: npt.NDArray[np.uint8]
    covered: npt.NDArray[np.uint8]

    def peaks(self, extent: tuple[float, float], corner: float) -> list[_Peak]:
        """Return the best places of a rectangle of `extent` along u and v."""
        wide, high = extent
        area = (round(wide), round(high))
        in_view = self._middle(_mean(self.view, area))
        total, weight = np.zeros_like(in_view), np.zeros_like(in_view)
        weakest = np.ones_like(in_view)
        u_half, v_half = round(wide / 2), round(high / 2)
        for steps, window, shifts in (
            (self.steps_u, (1, round(high - 2 * corner)), ((u_half, 0), (-u_half, 0))),
            (self.steps_v, (round(wide - 2 * corner), 1), ((0, v_half), (0, -v_half))),
        ):
            support, visible = _mean(steps, window), _mean(self.view, window)
            share = np.where(visible > _JUDGED, support / np.maximum(visible, _JUDGED), np.float32(2))
            seen = np.where(visible > _JUDGED, support, np.float32(0))
            visible[visible <= _JUDGED] = 0
            for shift in shifts:
                total += self._middle(seen, shift)
                weight += self._middle(visible, shift)
                np.minimum(weakest, self._middle(share, shift), out=weakest)
        sides = total / np.maximum(weight, 0.1)
        merit = 0.6 * sides + 0.4 * weakest
        merit *= (in_view >= _LEAST_IN_VIEW) & (weight > _SEEN_SIDES)
        merit *= (sides > _LEAST_SIDES) & (weakest > _LEAST_SIDE)
        if not merit.any():
            return []
        covered = self._middle(_mean(self.covered, area)) / np.maximum(in_view, 0.1)
        merit *= covered > _LEAST_COVERED
        # A pixel off its true place a rectangle may be as good: the middle of the plateau is wanted.
        merit = cv2.GaussianBlur(merit, (0, 0), 1.0)
        highest = cv2.dilate(merit, np.ones((15, 15), np.uint8))
        places = np.argwhere((merit == highest) & (merit > 0.3))
        best = sorted(((float(merit[v, u]), int(u), int(v)) for v, u in places), reverse=True)[:_MOST_PEAKS]
        return [
            _Peak(
                u + self.margin,
                v + self.margin,
                *(float(plane[v, u]) for plane in (sides, weakest, in_view, covered)),
            )
            for _, u, v in best
        ]

    def _middle(self, plane: Plane, shift: tuple[int, int] = (0, 0)) -> Plane:
        """Return the plane without the margin, read at (u, v) + shift; a view."""
        left, top = self.margin + shift[0], self.margin + shift[1]
        height, width = (side - 2 * self.margin for side in plane.shape)
        return plane[top : top + height, left : left + width]


def _turn(
    edges: Edges, covered: npt.NDArray[np.bool_], size: tuple[float, float], angle_deg: float
) -> _Turned:
    height, width = covered.shape
    turn = np.deg2rad(angle_deg)
    cos, sin = float(np.cos(turn)), float(np.sin(turn))
    margin = int(np.ceil(size[0] / 2)) + 1
    canvas = (
        int(width * abs(cos) + height * abs(sin)) + 2 * margin + 1,
        int(width * abs(sin) + height * abs(cos)) + 2 * margin + 1,
    )
    to_picture = np.array([[cos, -sin, 0], [sin, cos, 0]])
    middle = (np.array(canvas) - 1) / 2
    to_picture[:, 2] = np.array(((width - 1) / 2, (height - 1) / 2)) - to_picture[:, :2] @ middle

    def turned(plane: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(plane, to_picture, canvas, flags=flags), np.uint8)

    level = np.minimum(edges.strength, 1) * 255
    across_u = np.abs(edges.across_x * cos + edges.across_y * sin) > _ALIGNED
    across_v = np.abs(edges.across_y * cos - edges.across_x * sin) > _ALIGNED
    reach = 2 * max(1, round(_REACH * size[0])) + 1
    return _Turned(
        to_picture,
        margin,
        np.asarray(
            cv2.dilate(turned((level * across_u).astype(np.uint8)), np.ones((1, reach), np.uint8)), np.uint8
        ),
        np.asarray(
            cv2.dilate(turned((level * across_v).astype(np.uint8)), np.ones((reach, 1), np.uint8)), np.uint8
        ),
        turned(np.full((height, width), 255, np.uint8)),
        turned(covered.astype(np.uint8) * 255),
    )


def _mean(plane: npt.NDArray[np.uint8], window: tuple[int, int]) -> Plane:
    """Return the mean 0..1 over a window (width, height) around each pixel; outside the canvas is 0."""
    odd = (window[0] | 1, window[1] | 1)
    mean = cv2.boxFilter(plane, cv2.CV_32F, odd, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(mean, np.float32) * np.float32(1 / 255)
