"""One tray's way through the view: a small state machine that gives one event at most."""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

import numpy as np

from appliance.camera.frame import Frame
from appliance.line.rectangles import Rectangle
from appliance.line.settings import TriggerSettings

Reason = Literal["settled", "leaving", "waited", "gone", "end"]
"""Why a tray's event came: it lay still, began to leave, was whole for long enough, vanished, or no frame
followed."""

_STILL_SHARE = 0.03
"""Way per frame, as a share of the long side, up to which a tray lies still."""

_STILL_DEG = 3.0

_CONFIRMED = 2
"""Sightings from which a tray is believed: chance does not make the same rectangle twice."""

_JUMP_SHARE = 0.4
"""Distance from where a tray was and from where it was expected, as a share of its short side, from which on
a sighting contradicts the one before."""

_GONE_FRAMES = 2
"""Frames in a row that show background in a tray's place before it counts as taken away."""


class State(Enum):
    """Where a tray is on its way."""

    ENTERING = "not yet seen whole"
    WHOLE = "seen whole, its event still to come"
    REPORTED = "its event has been given"
    GONE = "left, taken away or forgotten"


@dataclass(frozen=True, eq=False)
class Sighting:
    """A tray in one frame.

    `whole` says whether all of it is in view, `calm` whether nothing moves around it, `sharpness` is the
    variance of the Laplacian (grey levels squared; 0 if not whole).
    """

    rectangle: Rectangle
    frame: Frame
    whole: bool
    calm: bool
    sharpness: float

    @property
    def merit(self) -> float:
        """How good a picture of the tray this is: sharp, all sides free, nothing moving over it."""
        seen = self.rectangle.weakest * self.rectangle.in_view**10
        return self.sharpness * seen * (1.0 if self.calm else 0.7)


@dataclass(frozen=True, eq=False)
class TrayEvent:
    """A tray that passed or was set down, with the one frame to measure.

    `frame` is the sharpest that shows the whole tray; `triggered_s` (monotonic, the time of the latest frame
    fed) is when it was decided, and `first_seen_s` and `last_seen_s` when the tray was first and last seen
    before. `corners_px` are the tray's four corners in the frame's pixels, in no particular order.
    `sharpness` is the variance of the Laplacian inside the tray (grey levels squared), `sides` the share of
    its outline that was seen (0..1), `in_view` the share of its area inside the picture (0..1).
    """

    frame: Frame
    number: int
    reason: Reason
    triggered_s: float
    first_seen_s: float
    last_seen_s: float
    corners_px: tuple[tuple[float, float], ...]
    sharpness: float
    sides: float
    in_view: float


class Track:
    """Follows one tray; `see` and `miss` are called in turn, one of them per frame.

    The machine goes ENTERING → WHOLE → REPORTED → GONE, skips what it does not see, and never goes back. An
    event comes once, on the way from WHOLE to a later state, and holds a frame in which the tray was whole.
    """

    def __init__(
        self, number: int, sighting: Sighting, settings: TriggerSettings, px_per_small: float
    ) -> None:
        self.number = number
        self.state = State.ENTERING
        self.rectangle = sighting.rectangle
        self.first_seen_s = self.last_seen_s = sighting.frame.captured_s
        self.velocity = np.zeros(2)
        self._settings = settings
        self._px_per_small = px_per_small
        self._best: Sighting | None = None
        self._whole_since_s = 0.0
        self._still_since_s = self.first_seen_s
        self._sightings = 0
        self._steady = 0
        self._unconfirmed: Sighting | None = None
        self._bare_frames = 0

    def expected(self, now_s: float) -> tuple[float, float]:
        """Return where the tray's centre should be now, in small-picture pixels."""
        x, y = np.array((self.rectangle.x, self.rectangle.y)) + self.velocity * (now_s - self.last_seen_s)
        return float(x), float(y)

    def see(self, sighting: Sighting) -> TrayEvent | None:
        """Take in a frame that shows the tray."""
        if self.state is State.GONE:
            return None
        now_s = sighting.frame.captured_s
        if self._jumps(sighting.rectangle, now_s):
            self._steady, self._unconfirmed = 0, None
        self._move(sighting.rectangle, now_s)
        self._sightings += 1
        self._steady += 1
        self._bare_frames = 0
        self.last_seen_s = now_s
        if self.state is State.REPORTED:
            return None
        self._consider(sighting)
        if self.state is not State.WHOLE or self._sightings < _CONFIRMED:
            return None
        if not sighting.calm:
            self._still_since_s = now_s
        reason = self._due(sighting, now_s)
        return None if reason is None else self._report(reason, now_s)

    def _consider(self, sighting: Sighting) -> None:
        """Take a whole tray's sighting once another one, before or after, agrees with it.

        Where trays touch, a rectangle may for one frame be laid across two of them.
        """
        agreed = [self._unconfirmed, sighting] if self._steady >= _CONFIRMED else []
        self._unconfirmed = None if agreed else sighting
        for one in agreed:
            if one is None or not one.whole:
                continue
            if self.state is State.ENTERING:
                self.state, self._whole_since_s = State.WHOLE, one.frame.captured_s
            if self._best is None or one.merit > self._best.merit:
                self._best = one

    def _jumps(self, rectangle: Rectangle, now_s: float) -> bool:
        """Return whether a sighting fits neither the tray's last place nor its way."""
        places = ((self.rectangle.x, self.rectangle.y), self.expected(now_s))
        nearest = min(float(np.hypot(rectangle.x - x, rectangle.y - y)) for x, y in places)
        return nearest > _JUMP_SHARE * rectangle.short

    def _due(self, sighting: Sighting, now_s: float) -> Reason | None:
        """Return why the event of a whole tray is due now, or None if a better frame may follow."""
        if not sighting.whole:
            return "leaving"
        if now_s - max(self._still_since_s, self._whole_since_s) >= self._settings.settle_s:
            return "settled"
        return "waited" if now_s - self._whole_since_s >= self._settings.longest_wait_s else None

    def miss(self, now_s: float, *, bare: bool, outside: bool) -> TrayEvent | None:
        """Take in a frame that does not show the tray; `bare` if it shows background in its place.

        `outside` says that its expected place is out of view.
        """
        if self.state is State.GONE:
            return None
        self._bare_frames = self._bare_frames + 1 if bare else 0
        forgotten = now_s - self.last_seen_s > self._settings.hidden_s
        if outside or forgotten or self._bare_frames >= _GONE_FRAMES:
            return self.end(now_s, "gone")
        waited = now_s - self._whole_since_s >= self._settings.longest_wait_s
        if self.state is State.WHOLE and self._sightings >= _CONFIRMED and waited:
            return self._report("waited", now_s)
        return None

    def end(self, now_s: float, reason: Reason = "end") -> TrayEvent | None:
        """Close the track; a tray that was seen whole and not yet reported gets its event."""
        event = None
        if self.state is State.WHOLE and self._sightings >= _CONFIRMED:
            event = self._report(reason, now_s)
        self.state = State.GONE
        self._best = None
        return event

    def _move(self, rectangle: Rectangle, now_s: float) -> None:
        passed_s = now_s - self.last_seen_s
        step = np.array((rectangle.x - self.rectangle.x, rectangle.y - self.rectangle.y))
        turned = abs((rectangle.angle_deg - self.rectangle.angle_deg + 90) % 180 - 90)
        if np.hypot(*step) > _STILL_SHARE * rectangle.long or turned > _STILL_DEG:
            self._still_since_s = now_s
        if passed_s > 0:
            self.velocity = step / passed_s
        self.rectangle = rectangle

    def _report(self, reason: Reason, now_s: float) -> TrayEvent | None:
        best = self._best
        self.state, self._best = State.REPORTED, None
        if best is None:
            return None
        scale = self._px_per_small
        return TrayEvent(
            frame=best.frame,
            number=self.number,
            reason=reason,
            triggered_s=now_s,
            first_seen_s=self.first_seen_s,
            last_seen_s=self.last_seen_s,
            corners_px=tuple(
                (float((x + 0.5) * scale - 0.5), float((y + 0.5) * scale - 0.5))
                for x, y in best.rectangle.corners
            ),
            sharpness=best.sharpness,
            sides=best.rectangle.sides,
            in_view=best.rectangle.in_view,
        )
