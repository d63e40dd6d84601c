"""How far a classifier's confidence can be believed: reliability diagram and expected calibration error.

Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 2.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

BINS: Final = 15
"""As in the paper, all of one width."""

_Counts = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reliability:
    """Predictions by their confidence, in `BINS` bins of 0..1; add those of several pictures.

    `count` of predictions, `confidence` their summed confidence, `right` how many were right: (BINS,) each.
    """

    count: _Counts
    confidence: _Counts
    right: _Counts

    def __add__(self, other: "Reliability") -> "Reliability":
        return Reliability(
            self.count + other.count, self.confidence + other.confidence, self.right + other.right
        )

    def points(self) -> npt.NDArray[np.float64]:
        """Return (bins that are not empty, 3): mean confidence, accuracy, share of all predictions."""
        filled = self.count > 0
        count = self.count[filled]
        return np.stack(
            [self.confidence[filled] / count, self.right[filled] / count, count / max(count.sum(), 1)], axis=1
        )

    def expected_calibration_error(self) -> float:
        """Return the mean distance of confidence and accuracy, 0..1, weighted by the bins' predictions."""
        return float(np.abs(self.confidence - self.right).sum() / max(self.count.sum(), 1))


def reliability(confidence: npt.NDArray[np.floating[Any]], right: npt.NDArray[np.bool_]) -> Reliability:
    """Count predictions: `confidence` (N,) 0..1, the highest softmax probability; `right` (N,)."""
    # A bin ends with its upper edge, as in the paper.
    place = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)

    def summed(weights: npt.NDArray[Any]) -> _Counts:
        return np.asarray(np.bincount(place, weights, BINS), np.float64)

    return Reliability(summed(np.ones(len(place))), summed(confidence), summed(right))
