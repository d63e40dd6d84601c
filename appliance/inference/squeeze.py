"""A view at a network's size: the whole of it, with nothing cut off and nothing added."""

import cv2
import numpy as np

from appliance.picture import Picture


def squeeze(view: Picture, height: int, width: int, into: Picture | None = None) -> Picture:
    """Return a view (any H, W, 3) squeezed to (`height`, `width`, 3), whatever its aspect ratio; uint8.

    Each pixel is the mean of those that it covers (OpenCV's INTER_AREA). `into`, of the result's shape, is
    written and returned where it is given.
    """
    if into is None:
        into = np.empty((height, width, 3), np.uint8)
    cv2.resize(view, (width, height), dst=into, interpolation=cv2.INTER_AREA)
    return into
