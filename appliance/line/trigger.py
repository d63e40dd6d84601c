"""The trigger: a stream of frames becomes exactly one event per tray."""

import cv2
import numpy as np

from appliance.camera.frame import Frame
from appliance.line.background import Background, Mask
from appliance.line.edges import Edges, directions_deg, gradient, new_edges
from appliance.line.rectangles import Rectangle, find_rectangles, overlap
from appliance.line.settings import TriggerSettings
from appliance.line.sharpness import sharpness
from appliance.line.track import Sighting, State, Track, TrayEvent
from appliance.line.tray_size import TraySize, lone_tray
from appliance.picture import Picture

__all__ = ["Trigger", "TrayEvent", "TriggerSettings"]

_SMALL_WIDTH = 128
"""Width in pixels of the picture in which trays are followed."""

_LEAST_EDGES = 40
"""Edge pixels below which nothing that could be a tray is in view."""

_GATE = 0.5
"""Distance from where a tray is expected, as a share of its short side, up to which it is the same tray: two
trays' centres are at least a short side apart."""

_SAME_PLACE = 0.3
"""Overlap from which two rectangles are one tray, because trays do not lie in each other."""

_BARE = 0.35
"""Share of a tray's place that differs from the background below which it has been taken away."""

_LONGEST_STEP_S = 1.0


class Trigger:
    """Counts trays; `feed` it every frame in order.

    Time is `Frame.captured_s` only, so that recordings may run at any speed. `expected_tray_px_size` is the
    tray's (width, height) in pixels of a full frame, in any order, if a calibration knows it; otherwise the
    first tray that lies alone and whole in view teaches it. One frame is kept for each tray that waits for its
    event, never copied.
    """

    def __init__(
        self, settings: TriggerSettings, expected_tray_px_size: tuple[float, float] | None = None
    ) -> None:
        self._settings = settings
        self._given = expected_tray_px_size
        self._number = 0
        self._frame_shape: tuple[int, ...] = ()
        self._last_s = 0.0

    @property
    def tray_px_size(self) -> tuple[float, float] | None:
        """The tray's (long, short) side in pixels of a full frame, as far as known."""
        if not self._frame_shape or self._size.known is None:
            return self._given
        return self._size.known[0] * self._scale, self._size.known[1] * self._scale

    def feed(self, frame: Frame) -> list[TrayEvent]:
        """Take in the next frame; return the trays that are complete with it, usually none."""
        events: list[TrayEvent] = []
        if frame.image.shape != self._frame_shape:
            events += self.flush()
            self._start(frame.image)
        passed_s = min(_LONGEST_STEP_S, max(0.0, frame.captured_s - self._last_s))
        self._last_s = frame.captured_s
        small = self._shrink(frame.image)
        if self._background is None:
            self._background = Background(small, self._settings.absorb_s)
        claimed = self._claimed(frame.captured_s)
        different = self._background.compare(small, claimed)
        events += self._follow(frame, small, different)
        self._background.learn(small, different, self._claimed(frame.captured_s), passed_s)
        self._last_small = small
        return events

    def flush(self) -> list[TrayEvent]:
        """Close the tracks at the end of a recording; return the trays whose events were still to come."""
        if not self._frame_shape:
            return []
        events = [event for track in self._tracks if (event := track.end(self._last_s))]
        self._tracks = []
        return events

    def _start(self, image: Picture) -> None:
        """Begin anew with frames of this size."""
        known = self.tray_px_size
        self._frame_shape = image.shape
        self._scale = max(1.0, image.shape[1] / _SMALL_WIDTH)
        self._small_size = (
            max(1, round(image.shape[1] / self._scale)),
            max(1, round(image.shape[0] / self._scale)),
        )
        self._size = TraySize(None if known is None else (known[0] / self._scale, known[1] / self._scale))
        self._background: Background | None = None
        self._tracks: list[Track] = []
        self._last_small: Picture | None = None

    def _shrink(self, image: Picture) -> Picture:
        return np.asarray(cv2.resize(image, self._small_size, interpolation=cv2.INTER_AREA), np.uint8)

    def _claimed(self, now_s: float) -> Mask:
        """Return the places of trays, with a margin for their shadows."""
        mask = np.zeros(self._small_size[::-1], np.uint8)
        for track in self._tracks:
            x, y = track.expected(now_s)
            one = track.rectangle
            for cx, cy in ((x, y), (one.x, one.y)):
                box = cv2.boxPoints(((cx, cy), (one.long * 1.12, one.short * 1.12), one.angle_deg))
                cv2.fillConvexPoly(mask, np.round(box).astype(np.int32), 1)
        return mask.astype(np.bool_)

    def _follow(self, frame: Frame, small: Picture, different: Mask) -> list[TrayEvent]:
        """Find the trays in a frame and hand each to its track."""
        rectangles = self._find(small, different)
        now_s = frame.captured_s
        events: list[TrayEvent | None] = []
        for track in sorted(self._tracks, key=lambda one: one.first_seen_s):
            one = self._match(track, rectangles, now_s)
            if one is None:
                events.append(self._miss(track, different, now_s))
                continue
            rectangles = [
                other for other in rectangles if other is not one and overlap(other, one) < _SAME_PLACE
            ]
            events.append(track.see(self._sighting(one, frame, small, track)))
        self._tracks = [track for track in self._tracks if track.state is not State.GONE]
        for one in rectangles:
            if all(overlap(one, track.rectangle) < _SAME_PLACE for track in self._tracks):
                sighting = self._sighting(one, frame, small, None)
                track = Track(self._number, sighting, self._settings, self._scale)
                self._number += 1
                self._tracks.append(track)
                events.append(track.see(sighting))
        return [event for event in events if event is not None]

    def _find(self, small: Picture, different: Mask) -> list[Rectangle]:
        assert self._background is not None
        before = gradient(self._background.picture)[2] * self._background.known
        edges = new_edges(small.astype(np.float32), before, self._settings.contrast)
        if np.count_nonzero(edges.strength > 0.5) < _LEAST_EDGES:
            return []
        angles = directions_deg(edges, np.ones_like(different))
        angles += [track.rectangle.angle_deg % 90 for track in self._tracks]
        self._learn_size(edges, different)
        if self._size.known is None:
            return []
        return find_rectangles(edges, different, self._size.known, _distinct(angles))

    def _learn_size(self, edges: Edges, different: Mask) -> None:
        """Take the size of a lone tray, if there is one and it is not the one learnt from already."""
        if self._size.known is not None:
            return
        lone = lone_tray(different | (edges.strength > 0.4), self._settings)
        if lone is None:
            return
        size, angle = lone
        if find_rectangles(edges, different, size, [angle % 90]):
            self._size.learn(size)

    def _match(self, track: Track, rectangles: list[Rectangle], now_s: float) -> Rectangle | None:
        x, y = track.expected(now_s)
        if not rectangles:
            return None
        nearest = min(rectangles, key=lambda one: float(np.hypot(one.x - x, one.y - y)))
        near = np.hypot(nearest.x - x, nearest.y - y) <= _GATE * nearest.short
        return nearest if near else None

    def _miss(self, track: Track, different: Mask, now_s: float) -> TrayEvent | None:
        x, y = track.expected(now_s)
        one = track.rectangle
        mask = np.zeros(different.shape, np.uint8)
        box = cv2.boxPoints(((x, y), (one.long, one.short), one.angle_deg))
        cv2.fillConvexPoly(mask, np.round(box).astype(np.int32), 1)
        inside = np.count_nonzero(mask)
        if inside < 0.2 * one.long * one.short:
            return track.miss(now_s, bare=False, outside=True)
        share = np.count_nonzero(different & mask.astype(np.bool_)) / inside
        return track.miss(now_s, bare=share < _BARE, outside=False)

    def _sighting(self, one: Rectangle, frame: Frame, small: Picture, track: Track | None) -> Sighting:
        whole = one.in_view >= 1 - self._settings.cut_share
        reported = track is not None and track.state is State.REPORTED
        calm = self._calm(one, small)
        value = sharpness(frame.image, one.corners * self._scale) if whole and not reported else 0.0
        return Sighting(one, frame, whole, calm, value)

    def _calm(self, one: Rectangle, small: Picture) -> bool:
        """Return whether next to nothing changed in a tray's place since the frame before."""
        if self._last_small is None:
            return True
        left, top, wide, high = cv2.boundingRect(one.corners)
        rows = slice(max(0, top), max(0, top + high))
        columns = slice(max(0, left), max(0, left + wide))
        changed = cv2.absdiff(small[rows, columns], self._last_small[rows, columns]).max(axis=2) > 20
        return bool(changed.mean() < 0.03)


def _distinct(angles_deg: list[float]) -> list[float]:
    """Return the angles (modulo 90) without those within 3 degrees of an earlier one."""
    kept: list[float] = []
    for angle in angles_deg:
        if all(abs((angle - other + 45) % 90 - 45) > 3 for other in kept):
            kept.append(angle)
    return kept
