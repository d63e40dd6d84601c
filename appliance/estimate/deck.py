"""The deck: the flat between the wells, bare on every picture."""

import cv2
import numpy as np

from appliance.estimate.profile import Mask

_MARGIN_MM, _RIM_MM = 2.5, 12.0


def deck_mask(openings: Mask, px_per_mm: float, corner_mm: float = 0.0) -> Mask:
    """Return the pixels of the deck, clear of the wells' edges and of the rim.

    `openings` marks all wells of a rectified tray, (H, W); `corner_mm` is the radius of the tray's corners,
    beyond which its counter shows (a round tray is all corners).
    """
    margin = 2 * round(_MARGIN_MM * px_per_mm) + 1
    clear = cv2.dilate(openings.astype(np.uint8), np.ones((margin, margin), np.uint8)) == 0
    half = np.array(openings.shape) / 2 - max(_RIM_MM * px_per_mm, 1.0)
    radius = min(max((corner_mm - _RIM_MM) * px_per_mm, 0.0), half.min())
    rows, columns = np.indices(openings.shape)
    beyond = [
        np.maximum(np.abs(place + 0.5 - side / 2) - (extent - radius), 0.0)
        for place, side, extent in zip((rows, columns), openings.shape, half, strict=True)
    ]
    return np.asarray(clear & (np.hypot(*beyond) <= radius), np.bool_)
