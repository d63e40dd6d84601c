"""Whether a gain is more than luck: the bootstrap by pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEAST_PICTURES = 8
"""With fewer pictures the interval is too narrow to be believed."""

_RESAMPLES = 10_000


@dataclass(frozen=True)
class Gain:
    """Mean absolute errors of both settings, 0..1, and the 95 % interval of their difference.

    A gain above 0 is for the new settings. `pictures` is their number.
    """

    before: float
    after: float
    low: float
    high: float
    pictures: int

    @property
    def gain(self) -> float:
        """How much less the new settings are off."""
        return self.before - self.after

    @property
    def significant(self) -> bool:
        """Whether the new settings are better beyond reasonable doubt."""
        return self.low > 0 and self.pictures >= LEAST_PICTURES


def gain(before: Floats, after: Floats, pictures: Sequence[int], seed: int) -> Gain:
    """Compare the errors (labels,) of two settings; `pictures` gives the number of each label's picture.

    The percentile bootstrap (Efron 1979) draws whole pictures, because the wells of one share its light.
    """
    numbers, place = np.unique(np.asarray(pictures), return_inverse=True)
    difference = np.bincount(place, weights=before - after)
    labels = np.bincount(place)
    drawn = np.random.default_rng(seed).integers(0, len(numbers), (_RESAMPLES, len(numbers)))
    gains = difference[drawn].sum(axis=1) / labels[drawn].sum(axis=1)
    low, high = np.percentile(gains, (2.5, 97.5))
    return Gain(float(before.mean()), float(after.mean()), float(low), float(high), len(numbers))
