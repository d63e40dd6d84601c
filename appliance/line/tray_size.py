"""Learns how large trays are in the picture from those that lie alone and whole in view."""

import cv2
import numpy as np
import numpy.typing as npt

from appliance.line.settings import TriggerSettings

_ASPECTS = (1.05, 1.75)
_FILLED = 0.86
"""Share of its rectangle that a tray with rounded corners fills at least."""

_CONTINUING = 3
"""Trays of one other size in a row that change a size once known."""

_ALIKE = 0.08


def lone_tray(
    shape: npt.NDArray[np.bool_], settings: TriggerSettings
) -> tuple[tuple[float, float], float] | None:
    """Return ((long, short) pixels, direction of the long side in degrees) of a lone tray-like shape, or None.

    `shape` holds what differs from the background and its edges, at the small scale. The largest connected
    part has to stand clear of the picture's border, and be a filled rectangle of a tray's proportions.
    """
    height, width = shape.shape
    closed = cv2.morphologyEx(shape.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    contours, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    largest = max(contours, key=cv2.contourArea)
    left, top, wide, high = cv2.boundingRect(largest)
    if left < 2 or top < 2 or left + wide > width - 2 or top + high > height - 2:
        return None
    _, (a, b), angle = cv2.minAreaRect(largest)
    # A contour runs through the middles of its outermost pixels.
    long, short = max(a, b) + 1, min(a, b) + 1
    if not settings.shortest_share <= long / width <= settings.longest_share:
        return None
    if not _ASPECTS[0] <= long / short <= _ASPECTS[1] or cv2.contourArea(largest) < _FILLED * a * b:
        return None
    return (long, short), float(angle if a >= b else angle + 90) % 180


class TraySize:
    """The size of trays at the small scale, (long, short) in pixels; None until one was seen or given."""

    def __init__(self, given: tuple[float, float] | None) -> None:
        self.known = None if given is None else (max(given), min(given))
        self._others: list[tuple[float, float]] = []

    def learn(self, seen: tuple[float, float]) -> None:
        """Take in the size of a lone tray, once per tray."""
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
