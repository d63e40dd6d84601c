"""Where a tray most likely lies: the one large thing full of edges, on a counter that has few."""

import cv2
import numpy as np

from appliance.tray.gradient import Gradient
from appliance.tray.layout import Points
from appliance.tray.outline import quadrilateral

_LEAST_EDGE = 4.0
_EDGE_SHARE = 0.12
"""Of a picture's strong edges: what steel and food surpass, and a counter's grain does not."""

_GAP, _ARM = 0.05, 0.22
"""Of the picture's shorter side: edges closer than a gap join; what is thinner than an arm is no tray."""

_SMALLEST = 0.04


def busiest_rectangle(field: Gradient) -> list[Points]:
    """Return the quadrilateral (4, 2) around the largest thing full of edges, in its pixels; or none.

    Arms and utensils that reach out of it are cut off by a morphological opening.
    """
    strength = cv2.magnitude(field.dx, field.dy)
    least = max(_LEAST_EDGE, _EDGE_SHARE * float(np.percentile(strength[::2, ::2], 99)))
    edges = (strength > least).astype(np.uint8)
    height, width = edges.shape
    small = cv2.resize(edges, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    gap, arm = (round(min(small.shape) * share) | 1 for share in (_GAP, _ARM))
    # A margin lets closing and opening treat the picture's border like any other place.
    padded = cv2.copyMakeBorder((small > 0).astype(np.uint8), arm, arm, arm, arm, cv2.BORDER_CONSTANT)
    joined = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, np.ones((gap, gap), np.uint8))
    contours, _ = cv2.findContours(joined, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    filled = np.zeros_like(joined)
    cv2.drawContours(filled, contours, -1, (1,), cv2.FILLED)
    core = (cv2.distanceTransform(filled, cv2.DIST_L2, 3) > arm / 2).astype(np.uint8)
    if not core.any():
        return []
    # Dilating by distance is faster than with a disc this large.
    opened = (cv2.distanceTransform(1 - core, cv2.DIST_L2, 3) <= arm / 2).astype(np.uint8)
    contours, _ = cv2.findContours(opened, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    largest = max(contours, key=cv2.contourArea)
    if cv2.contourArea(largest) < _SMALLEST * small.size:
        return []
    quad = quadrilateral(largest) - arm
    return [(quad + 0.5) * (width / small.shape[1]) - 0.5]
