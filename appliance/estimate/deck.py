"""The deck: the flat between the wells, bare on every picture."""

import cv2
import numpy as np

from appliance.estimate.profile import Mask

_MARGIN_MM, _RIM_MM = 2.5, 12.0


def deck_mask(openings: Mask, px_per_mm: float) -> Mask:
    """Return the pixels of the deck, clear of the wells' edges and of the rim.

    `openings` marks all wells of a rectified tray, (H, W).
    """
    margin = 2 * round(_MARGIN_MM * px_per_mm) + 1
    clear = cv2.dilate(openings.astype(np.uint8), np.ones((margin, margin), np.uint8)) == 0
    rim = max(round(_RIM_MM * px_per_mm), 1)
    inside = np.zeros(openings.shape, np.bool_)
    inside[rim:-rim, rim:-rim] = True
    return np.asarray(clear & inside, np.bool_)
