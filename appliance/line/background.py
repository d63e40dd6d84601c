"""What the line looks like without trays: a running picture that follows the light and forgives litter."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from appliance.picture import Picture

Mask = npt.NDArray[np.bool_]
"""Booleans, shape (height, width) of the small picture."""

_FOLLOW_S = 5.0
"""Time constant with which the background follows what it sees."""

_SETTLE_S = 0.5
"""How long a pixel never seen before has to stand still to become background."""

_STILL_LEVELS = 12
"""Grey levels from frame to frame within which a pixel stands still, at the small scale."""

_DIFFERENT_LEVELS = 16
"""Grey levels from which a pixel is not background; the running noise is added."""

_FEW_PIXELS = 200
_SAMPLED = 4
"""The light is judged by every fourth pixel."""


def largest(channels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return each pixel's largest of three channels, faster than a maximum over the last axis."""
    blue, green, red = channels[:, :, 0], channels[:, :, 1], channels[:, :, 2]
    return np.asarray(np.maximum(np.maximum(blue, green), red))


class Background:
    """A per-pixel running mean that is scaled with the lamps and never learns what is claimed by a tray.

    Pixels start unknown and become known once they stand still, unclaimed; what stands still for `absorb_s`
    is taken over as it is. `picture` is float32, shape (height, width, 3).
    """

    def __init__(self, first: Picture, absorb_s: float) -> None:
        self.picture = first.astype(np.float32)
        shape = first.shape[:2]
        self.known: Mask = np.zeros(shape, np.bool_)
        self._noise = np.full(shape, 2.0, np.float32)
        self._still_s = np.zeros(shape, np.float32)
        self._last = first
        self._absorb_s = absorb_s

    def compare(self, now: Picture, claimed: Mask) -> Mask:
        """Return which pixels differ from the background (unknown ones do not), light followed first."""
        self._follow_light(now, claimed)
        difference = largest(np.abs(now - self.picture))
        return np.asarray((difference > _DIFFERENT_LEVELS + 3 * self._noise) & self.known, np.bool_)

    def learn(self, now: Picture, different: Mask, claimed: Mask, passed_s: float) -> None:
        """Learn from a frame, `passed_s` after the one before; `claimed` pixels are left alone."""
        moved = largest(cv2.absdiff(now, self._last)) > _STILL_LEVELS
        self._last = now
        self._still_s += np.float32(passed_s)
        self._still_s[moved | claimed] = 0
        background = self.known & ~different & ~claimed
        rate = np.float32(1 - np.exp(-passed_s / _FOLLOW_S))
        step = now - self.picture
        self.picture += step * (rate * background)[:, :, None]
        self._noise += (largest(np.abs(step)) - self._noise) * (rate * background)
        taken_over = ((self._still_s >= _SETTLE_S) & ~self.known) | (
            (self._still_s >= self._absorb_s) & different
        )
        self.picture[taken_over] = now[taken_over]
        self.known |= taken_over

    def _follow_light(self, now: Picture, claimed: Mask) -> None:
        """Scale the picture as the lamps changed: the median ratio of each channel where no tray lies."""
        use = self.known & ~claimed
        if np.count_nonzero(use) < _FEW_PIXELS:
            return
        seen, expected = now[use][::_SAMPLED].astype(np.float32), self.picture[use][::_SAMPLED]
        gain = np.median((seen + 1) / (expected + 1), axis=0)
        if np.abs(gain - 1).max() > 0.01:
            self.picture *= gain
