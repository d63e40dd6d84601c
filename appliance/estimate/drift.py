"""How far a height map of a tray has moved as a whole, told from its deck."""

from typing import Final

import numpy as np

from appliance.estimate.network_grid import Maps
from appliance.estimate.profile import Mask

_ROUNDS: Final = 5
_OUTLIER: Final = 3.0
"""Residuals beyond this many standard deviations do not count: food or a spoon on the deck."""

_LEAST_PIXELS: Final = 50
_EVERY: Final = 3
_LEAST_SPREAD_MM: Final = 0.05
_SLOPE_PRIOR: Final = 0.05
"""Pixels' worth of no tilt: where the deck is a strip, a tilt across it cannot be told."""

_MAD: Final = 1.4826
"""Standard deviation of normal noise, in median absolute deviations."""


def drift(difference_mm: Maps, deck: Maps | Mask) -> tuple[Maps, float]:
    """Return the plane (H, W) that a difference of two height maps follows on the deck, and its noise in mm.

    The deck is bare on both, so a difference there is the network's error: an offset, a tilt, and noise (one
    standard deviation). Iteratively reweighted least squares with Tukey's biweight. Too little deck: 0, 0.
    """
    rows, columns = (places[::_EVERY] for places in np.nonzero(deck))
    height, width = difference_mm.shape
    if len(rows) < _LEAST_PIXELS:
        return np.zeros_like(difference_mm), 0.0
    x, y = columns / width - 0.5, rows / height - 0.5
    design = np.stack([np.ones_like(x), x, y], axis=1)
    values = difference_mm[rows, columns].astype(np.float64)
    prior = np.diag([0.0, _SLOPE_PRIOR, _SLOPE_PRIOR])
    plane = np.linalg.solve(design.T @ design + prior, design.T @ values)
    spread = 0.0
    for _ in range(_ROUNDS):
        residual = values - design @ plane
        spread = max(_MAD * float(np.median(np.abs(residual))), _LEAST_SPREAD_MM)
        weight = np.clip(1 - (residual / (_OUTLIER * spread)) ** 2, 0, 1) ** 2
        weighted = design * weight[:, None]
        plane = np.linalg.solve(weighted.T @ design + prior, weighted.T @ values)
    across, down = np.arange(width) / width - 0.5, np.arange(height) / height - 0.5
    fitted = plane[0] + plane[1] * across[None, :] + plane[2] * down[:, None]
    return fitted.astype(np.float32), spread
