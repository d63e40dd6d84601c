"""The trigger: a stream of frames becomes exactly one event per tray."""

from dataclasses import replace

import cv2
import numpy as np

from appliance.camera.frame import Frame
from appliance.line.finder import TrayFinder
from appliance.line.rectangles import Rectangle, overlap
from appliance.line.settings import TriggerSettings
from appliance.line.sharpness import sharpness
from appliance.line.track import Sighting, State, Track, TrayEvent
from appliance.line.tray_size import TraySize
from appliance.picture import Picture

__all__ = ["TrayEvent", "Trigger", "TriggerSettings"]

_SMALL_WIDTH = 128
"""Width in pixels of the picture in which trays are followed."""

_GATE = 0.5
"""Distance from where a tray is expected, as a share of its short side, up to which it is the same tray: the
centres of two trays are at least a short side apart."""

_LEAST_APART = 0.75
"""Distance of two trays' centres in short sides, at least: 1 where they touch, less for errors."""

_SAME_PLACE = 0.3
"""Overlap from which two rectangles are one tray, because trays do not lie in each other."""

_MOSTLY, _CLEAR_SIDES, _CLEAR_SIDE = 0.95, 0.85, 0.6
"""A rectangle less than `_MOSTLY` in view begins a track only with sides as clear as these."""

_BARE = 0.35
"""Share of a tray's place that differs from the background below which the tray has been taken away."""

_OUTSIDE = 0.2
"""Share of a tray in view below which it has left."""

_LONGEST_STEP_S = 1.0
"""The most that the background learns from one frame, however long ago the one before was."""


class Trigger:
    """Counts trays; `feed` it every frame in order.

    Time is `Frame.captured_s` only, so that recordings may run at any speed. `expected_tray_px_size` is the
    tray's (width, height) in pixels of a full frame, in any order, if a calibration knows it; otherwise the
    first tray that lies alone and whole in view teaches it. One frame is kept for each tray that waits for
    its event, never copied.
    """

    def __init__(
        self, settings: TriggerSettings, expected_tray_px_size: tuple[float, float] | None = None
    ) -> None:
        self._settings = settings
        self._given = expected_tray_px_size
        self._number = 0
        self._tracks: list[Track] = []
        self._finder: TrayFinder | None = None
        self._frame_shape: tuple[int, ...] = ()
        self._scale = 1.0
        self._last_s = 0.0

    @property
    def tray_px_size(self) -> tuple[float, float] | None:
        """The tray's (long, short) side in pixels of a full frame, as far as known."""
        if self._finder is None or self._finder.size.known is None:
            return self._given
        long, short = self._finder.size.known
        return long * self._scale, short * self._scale

    def feed(self, frame: Frame) -> list[TrayEvent]:
        """Take in the next frame; return the trays that are complete with it, usually none."""
        events: list[TrayEvent] = []
        if self._finder is None or frame.image.shape != self._frame_shape:
            events += self.flush()
            self._finder = self._start(frame.image)
            self._last_s = frame.captured_s
        passed_s = min(_LONGEST_STEP_S, max(0.0, frame.captured_s - self._last_s))
        self._last_s = frame.captured_s
        expected = [self._expected(track) for track in self._tracks]
        rectangles = self._finder.find(_shrink(frame.image, self._scale), expected)
        events += self._follow(self._finder, frame, rectangles)
        self._finder.learn(expected + [track.rectangle for track in self._tracks], passed_s)
        return events

    def flush(self) -> list[TrayEvent]:
        """Close the tracks at the end of a recording; return the trays whose events were still to come."""
        events = [event for track in self._tracks if (event := track.end(self._last_s))]
        self._tracks = []
        return events

    def _start(self, image: Picture) -> TrayFinder:
        """Begin anew with frames of this size."""
        known = self.tray_px_size
        self._frame_shape = image.shape
        self._scale = max(1.0, image.shape[1] / _SMALL_WIDTH)
        size = TraySize(None if known is None else (known[0] / self._scale, known[1] / self._scale))
        return TrayFinder(_shrink(image, self._scale), size, self._settings)

    def _expected(self, track: Track) -> Rectangle:
        x, y = track.expected(self._last_s)
        return replace(track.rectangle, x=x, y=y)

    def _follow(self, finder: TrayFinder, frame: Frame, rectangles: list[Rectangle]) -> list[TrayEvent]:
        """Hand each tray that was found to its track, or begin one."""
        events: list[TrayEvent | None] = []
        places = [(self._expected(track), track.rectangle) for track in self._tracks]
        found = _assign(places, rectangles)
        for track, one in zip(self._tracks, found, strict=True):
            if one is None:
                in_view, hidden = finder.hidden_share(self._expected(track))
                events.append(track.miss(frame.captured_s, bare=hidden < _BARE, outside=in_view < _OUTSIDE))
            else:
                events.append(track.see(self._sighting(finder, one, frame, track.state)))
        self._tracks = [track for track in self._tracks if track.state is not State.GONE]
        for one in rectangles:
            if _believable(one) and all(self._apart(one, track) for track in self._tracks):
                sighting = self._sighting(finder, one, frame, State.ENTERING)
                track = Track(self._number, sighting, self._settings, self._scale)
                events.append(track.see(sighting))
                self._tracks.append(track)
                self._number += 1
        return [event for event in events if event is not None]

    def _apart(self, one: Rectangle, track: Track) -> bool:
        """Return whether a rectangle can be a tray beside the tracked one: trays do not lie in each other."""
        places = (track.rectangle, self._expected(track))
        nearest = min(float(np.hypot(one.x - at.x, one.y - at.y)) for at in places)
        return nearest > _LEAST_APART * one.short and overlap(one, places[1]) < _SAME_PLACE

    def _sighting(self, finder: TrayFinder, one: Rectangle, frame: Frame, state: State) -> Sighting:
        whole = one.in_view >= 1 - self._settings.cut_share
        wanted = whole and state is not State.REPORTED
        value = sharpness(frame.image, one.corners * self._scale) if wanted else 0.0
        return Sighting(one, frame, whole, finder.calm(one), value)


def _believable(one: Rectangle) -> bool:
    """Return whether a rectangle may begin a track: a part of a tray has to show its sides clearly."""
    return one.in_view >= _MOSTLY or (one.sides >= _CLEAR_SIDES and one.weakest >= _CLEAR_SIDE)


def _assign(places: list[tuple[Rectangle, Rectangle]], rectangles: list[Rectangle]) -> list[Rectangle | None]:
    """Return for each tray, followed to its expected and its last place, the rectangle that is it, or None.

    The nearest come first; what then still overlaps an expected place is its tray, moved by surprise.
    """

    def distance(place: tuple[Rectangle, Rectangle], one: Rectangle) -> float:
        return min(float(np.hypot(one.x - at.x, one.y - at.y)) for at in place) / one.short

    found: list[Rectangle | None] = [None] * len(places)
    pairs = sorted(
        (distance(place, one), i, j) for i, place in enumerate(places) for j, one in enumerate(rectangles)
    )
    taken: set[int] = set()
    for apart, i, j in pairs:
        same = apart <= _GATE or overlap(places[i][0], rectangles[j]) >= _SAME_PLACE
        if same and found[i] is None and j not in taken:
            found[i] = rectangles[j]
            taken.add(j)
    return found


def _shrink(image: Picture, scale: float) -> Picture:
    size = (max(1, round(image.shape[1] / scale)), max(1, round(image.shape[0] / scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
