"""Finds the trays in small pictures of the line, one picture after the other."""

import cv2
import numpy as np

from appliance.line.background import Background, Mask, largest
from appliance.line.edges import Edges, directions_deg, gradient, new_edges
from appliance.line.rectangles import Rectangle, find_rectangles
from appliance.line.settings import TriggerSettings
from appliance.line.tray_size import TraySize, lone_tray
from appliance.picture import Picture

_LEAST_EDGES = 40
"""Edge pixels below which nothing that could be a tray is in view."""

_STRONG = 0.4
"""Strength from which an edge bounds a shape."""

_LEARN_EVERY_S = 1.0
"""How often a lone tray's size is compared with the known one."""

_CALM_LEVELS, _CALM_SHARE = 20, 0.03
"""Grey levels by which, and share of a tray's place that, may change between frames of a calm tray."""


class TrayFinder:
    """The background, the edges before it, and the tray size that go with one camera view.

    All pictures are small ones of one size, uint8, shape (height, width, 3).
    """

    def __init__(self, first: Picture, size: TraySize, settings: TriggerSettings) -> None:
        self.size = size
        self._settings = settings
        self._unlearnt_s = 0.0
        self._background = Background(first, settings.absorb_s)
        self._now = self._before = first
        self._different: Mask = np.zeros(first.shape[:2], np.bool_)

    def find(self, small: Picture, followed: list[Rectangle]) -> list[Rectangle]:
        """Return the trays in the next picture; `followed` are the places where trays are expected."""
        self._before, self._now = self._now, small
        # What was never seen bare may hide behind a tray that was there first: it counts as different.
        self._different = self._background.compare(small, self._places(followed)) | ~self._background.known
        background_edges = gradient(self._background.picture)[2] * self._background.known
        edges = new_edges(small.astype(np.float32), background_edges, self._settings.contrast)
        strong = edges.strength > _STRONG
        if np.count_nonzero(strong) < _LEAST_EDGES:
            return []
        # Steel may be as bright as the belt: what lies between its edges hides the belt as well.
        hiding = (self._different | strong).astype(np.uint8)
        covered = cv2.morphologyEx(hiding, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8)).astype(np.bool_)
        if self.size.known is None or self._unlearnt_s >= _LEARN_EVERY_S:
            self._learn_size(edges, covered)
        if self.size.known is None:
            return []
        angles = directions_deg(edges) + [one.angle_deg % 90 for one in followed]
        return find_rectangles(edges, covered, self.size.known, _distinct(angles), followed)

    def learn(self, followed: list[Rectangle], passed_s: float) -> None:
        """Let the background learn from the picture last searched, except where trays are."""
        self._unlearnt_s += passed_s
        self._background.learn(self._now, self._different, self._places(followed), passed_s)

    def hidden_share(self, place: Rectangle) -> tuple[float, float]:
        """Return the share of a place that is in view, and of that the share that differs from the belt."""
        mask = _filled(self._different.shape, [place], 1.0)
        inside = int(np.count_nonzero(mask))
        hidden = int(np.count_nonzero(self._different & mask))
        return inside / (place.long * place.short), hidden / max(1, inside)

    def calm(self, place: Rectangle) -> bool:
        """Return whether next to nothing changed in a place since the picture before."""
        left, top, wide, high = cv2.boundingRect(place.corners)
        rows, columns = slice(max(0, top), max(0, top + high)), slice(max(0, left), max(0, left + wide))
        change = cv2.absdiff(self._now[rows, columns], self._before[rows, columns])
        if change.size == 0:
            return True
        return float((largest(change) > _CALM_LEVELS).mean()) < _CALM_SHARE

    def _places(self, followed: list[Rectangle]) -> Mask:
        """Return the places of trays, with a margin for their shadows."""
        return _filled(self._different.shape, followed, 1.12)

    def _learn_size(self, edges: Edges, covered: Mask) -> None:
        """Take the size of a lone tray, if there is one."""
        self._unlearnt_s = 0.0
        lone = lone_tray(edges, self._settings)
        if lone is None:
            return
        size, angle = lone
        if find_rectangles(edges, covered, size, [angle % 90]):
            self.size.learn(size)


def _filled(shape: tuple[int, ...], places: list[Rectangle], scale: float) -> Mask:
    mask = np.zeros(shape, np.uint8)
    for one in places:
        box = cv2.boxPoints(((one.x, one.y), (one.long * scale, one.short * scale), one.angle_deg))
        cv2.fillConvexPoly(mask, np.round(box).astype(np.int32), (1,))
    return mask.astype(np.bool_)


def _distinct(angles_deg: list[float]) -> list[float]:
    """Return the angles (modulo 90) without those within 3 degrees of an earlier one."""
    kept: list[float] = []
    for angle in angles_deg:
        if all(abs((angle - other + 45) % 90 - 45) > 3 for other in kept):
            kept.append(angle)
    return kept
