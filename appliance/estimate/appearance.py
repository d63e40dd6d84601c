"""What every pixel of a rectified tray looks like: colour, light and grain.

Colours are logarithms of channel ratios, so that brighter light changes only `light`, after the white balance
has been taken from the tray's own deck: steel is grey, and the deck between the wells is the one part of a
tray that shows bare steel on every picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import cv2
import numpy as np
import numpy.typing as npt

from appliance.estimate.profile import Mask
from appliance.picture import Picture

Floats = npt.NDArray[np.float32]
Gains = tuple[float, float, float]
"""White-balance gains of blue, green and red."""

_DARK = np.float32(12.0)
"""Added to every channel before a ratio is taken: sensor noise makes the hue of dark pixels meaningless."""

_BLOWN = 250
_GRAIN_MM = 2.5
"""Side of the neighbourhood in which grain is measured, about a rice grain's width."""


@dataclass(frozen=True, eq=False)
class Features:
    """Per-pixel features, float32 arrays of one shape.

    `red_green` and `blue_green` are natural logarithms of the balanced channels' ratios, `light` is the
    brightest channel 0..255. `grain` is the binary logarithm of the luminance gradient across the weaker
    direction of its neighbourhood: high on rice and chopped food, low on smooth steel and along its straight
    bright edges.
    """

    red_green: Floats
    blue_green: Floats
    light: Floats
    grain: Floats

    def take(self, where: Mask | tuple[slice, slice] | npt.NDArray[np.intp]) -> "Features":
        """Return the features at an index: a mask, a crop, or positions."""
        return Features(*(getattr(self, field.name)[where] for field in fields(self)))


def join(parts: Sequence[Features]) -> Features:
    """Return the features of several samples as one sample."""
    return Features(*(np.concatenate([getattr(p, field.name) for p in parts]) for field in fields(Features)))


def white_balance(rectified: Picture, steel: Mask) -> Gains:
    """Return gains (blue, green, red), green 1, that turn the median of the steel pixels grey.

    Blown-out and black pixels carry no colour and are left out; without enough others the gains are 1.
    """
    pixels = rectified[steel].astype(np.float32)
    blue, green, red = pixels[:, 0], pixels[:, 1], pixels[:, 2]
    usable = (np.maximum(np.maximum(blue, green), red) < _BLOWN) & (
        np.minimum(np.minimum(blue, green), red) > 20
    )
    if np.count_nonzero(usable) < 200:
        return 1.0, 1.0, 1.0
    green = green[usable]
    return float(np.median(green / blue[usable])), 1.0, float(np.median(green / red[usable]))


def log_ratios(balanced: Floats) -> tuple[Floats, Floats]:
    """Return (red_green, blue_green) of balanced blue-green-red values in the last axis."""
    logs = np.log(balanced + _DARK)
    return logs[..., 2] - logs[..., 1], logs[..., 0] - logs[..., 1]


def features(rectified: Picture, gains: Gains, px_per_mm: float) -> Features:
    """Return the features of a rectified picture under the given white balance.

    Grain is the smaller eigenvalue of the structure tensor (J. Shi and C. Tomasi, "Good Features to Track",
    CVPR 1994), which an edge leaves at zero and a texture does not.
    """
    # Channel by channel: NumPy's minimum and maximum over an axis of three are slow.
    blue, green, red = cv2.split(rectified)
    light = cv2.max(cv2.max(blue, green), red).astype(np.float32)
    red_green, blue_green = log_ratios(rectified.astype(np.float32) * np.array(gains, np.float32))
    blown = cv2.min(cv2.min(blue, green), red) > _BLOWN
    red_green[blown] = blue_green[blown] = 0.0
    grey = cv2.cvtColor(rectified, cv2.COLOR_BGR2GRAY)
    side = max(3, round(_GRAIN_MM * px_per_mm))
    weaker = np.maximum(cv2.cornerMinEigenVal(grey, side, ksize=3), 0.0) * np.float32(255.0**2)
    grain = np.log2(weaker + np.float32(1e-3)) / np.float32(2.0)
    return Features(red_green, blue_green, light, grain.astype(np.float32))
