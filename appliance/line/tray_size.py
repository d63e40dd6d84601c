"""Learns how large trays are in the picture from those that lie alone and whole in view."""

import cv2
import numpy as np
import numpy.typing as npt

from appliance.line.edges import Edges, Plane
from appliance.line.settings import TriggerSettings

_ASPECTS = (1.05, 1.75)
_FILLED = 0.86
"""Share of its rectangle that a tray with rounded corners fills at least."""

_STRONG = 0.8
"""Strength from which an edge bounds a shape."""

_SPECK = 9
"""Width in pixels up to which parts of a shape belong to the belt's pattern or to a utensil, not a tray."""

_CONTINUING = 5
"""How often in a row another size has to be seen to replace the known one."""

_ALIKE = 0.08

_OUT, _IN = 4, 8
"""How far around the outline of the strong edges, in pixels, a rim is looked for: outwards and inwards."""

_POINTS = 32


def lone_tray(edges: Edges, settings: TriggerSettings) -> tuple[tuple[float, float], float] | None:
    """Return (long, short) in pixels and the long side's direction in degrees of a lone tray, or None.

    The largest connected part of the edges has to stand clear of the picture's border, and be a filled
    rectangle of a tray's proportions. A rim is found to a fraction of a pixel by the peak of its edge.
    """
    height, width = edges.strength.shape
    largest = _largest_part((edges.strength > _STRONG).astype(np.uint8))
    if largest is None:
        return None
    left, top, wide, high = cv2.boundingRect(largest)
    if left < 2 or top < 2 or left + wide > width - 2 or top + high > height - 2:
        return None
    (x, y), (a, b), angle = cv2.minAreaRect(largest)
    centre = (float(x), float(y))
    if min(a, b) < 3 * _IN or cv2.contourArea(largest) < _FILLED * a * b:
        return None
    a_trimmed = a - _excess(edges, centre, (a, b), angle) - _excess(edges, centre, (a, b), angle + 180)
    b_trimmed = b - _excess(edges, centre, (b, a), angle + 90) - _excess(edges, centre, (b, a), angle + 270)
    long, short = max(a_trimmed, b_trimmed), min(a_trimmed, b_trimmed)
    if not settings.shortest_share <= long / width <= settings.longest_share:
        return None
    if not _ASPECTS[0] <= long / short <= _ASPECTS[1]:
        return None
    return (long, short), float(angle if a_trimmed >= b_trimmed else angle + 90) % 180


def _largest_part(strong: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32] | None:
    """Return the contour, shape (N, 1, 2), of the largest shape that the edges enclose, or None."""
    closed = cv2.morphologyEx(strong, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    contours, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    # Specks of the belt that hang on to the outline are cut off; the tray itself is far wider.
    filled = cv2.drawContours(np.zeros_like(closed), contours, -1, (1,), cv2.FILLED)
    opened = cv2.morphologyEx(filled, cv2.MORPH_OPEN, np.ones((_SPECK, _SPECK), np.uint8))
    contours, _ = cv2.findContours(opened, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    largest = max(contours, key=cv2.contourArea, default=None)
    return None if largest is None else np.asarray(largest, np.int32)


def _excess(
    edges: Edges, centre: tuple[float, float], extent: tuple[float, float], angle_deg: float
) -> float:
    """Return how far inside the side that lies towards `angle_deg` the outermost clear edge runs, in pixels.

    `extent` is the rectangle's size along and across that direction.
    """
    turn = np.deg2rad(angle_deg)
    out = np.array((np.cos(turn), np.sin(turn)))
    along = np.array((-out[1], out[0]))
    inwards = np.arange(-_OUT, _IN + 0.25, 0.5)
    places = (
        np.array(centre)
        + (extent[0] / 2 - inwards)[:, None, None] * out
        + (np.linspace(-0.3, 0.3, _POINTS) * extent[1])[None, :, None] * along
    ).astype(np.float32)
    strength: Plane = np.asarray(
        cv2.remap(edges.strength, places[:, :, 0], places[:, :, 1], cv2.INTER_LINEAR), np.float32
    )
    profile = np.median(strength, axis=1)
    peaks = (profile[1:-1] >= profile[:-2]) & (profile[1:-1] > profile[2:])
    clear = peaks & (profile[1:-1] > 0.5 * min(1.0, float(profile.max())))
    return float(inwards[1:-1][clear][0]) if clear.any() else 0.0


class TraySize:
    """The size of trays at the small scale, (long, short) in pixels; None until one was seen or given."""

    def __init__(self, given: tuple[float, float] | None) -> None:
        self.known = None if given is None else (max(given), min(given))
        self._others: list[tuple[float, float]] = []

    def learn(self, seen: tuple[float, float]) -> None:
        """Take in the size of a lone tray; another size than the known one has to come several times."""
        if self.known is None:
            self.known = seen
        elif _alike(seen, self.known):
            self._others.clear()
            self.known = (0.8 * self.known[0] + 0.2 * seen[0], 0.8 * self.known[1] + 0.2 * seen[1])
        else:
            self._others = [*(one for one in self._others if _alike(one, seen)), seen]
            if len(self._others) >= _CONTINUING:
                self.known = seen
                self._others.clear()


def _alike(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return all(abs(one / other - 1) <= _ALIKE for one, other in zip(a, b, strict=True))
