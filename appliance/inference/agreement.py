"""How far a network's answers are from those expected, and how far they may be; pure functions.

The terms are those of the conversion's own gates (docs/gates.md). Those hold the files against PyTorch; these
hold a device that runs a file against the workstation that ran it, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from appliance.inference.manifest import Meaning

Floats = npt.NDArray[np.floating[Any]]

MOST_RAW_DIFFERENCE: Final[Mapping[Meaning, float]] = {
    "inverse_depth": 0.1,
    "segmentation": 0.1,
    "quantity": 0.2,
}
"""What other rounding may cost: LiteRT's default kernels answer alike to the bit on x86-64 and aarch64, its
other ones were off by 0.030, 0.016 and 0, and the float networks, which share no rounding with the files, by
0.040, 0.018 and 0.035. With red and blue exchanged it were 0.36, 0.48 and 1, with another normalisation (mean
and deviation 0.5) 0.35, 0.41 and 0.75. Quantity is five numbers, in which one step of int8 is 0.02."""

LEAST_AGREEMENT: Final = 0.97
"""Of the pixels' classes. Other kernels agreed at 99.5 %, the float network at 99.0 %."""

_CONSTANT: Final = 1e-6


@dataclass(frozen=True)
class Agreement:
    """How one output agrees with what is expected of it.

    `raw_difference` (0..1) as the function has it; `agreement` is the share of pixels of the same class, None
    where an output has no pixels with classes.
    """

    meaning: Meaning
    raw_difference: float
    agreement: float | None = None

    @property
    def fault(self) -> str | None:
        """What is beyond its limit, in words; None where nothing is."""
        most = MOST_RAW_DIFFERENCE[self.meaning]
        if not self.raw_difference <= most:
            return f"{self.meaning} has a raw_difference of {self.raw_difference:.3f}, over {most}"
        if self.agreement is not None and not self.agreement >= LEAST_AGREEMENT:
            return f"{self.meaning} has an agreement of {self.agreement:.3f}, under {LEAST_AGREEMENT}"
        return None

    def __str__(self) -> str:
        """Return it for people, as `segmentation off by 1.6%, 99.5% of pixels alike`."""
        pixels = "" if self.agreement is None else f", {self.agreement:.1%} of pixels alike"
        return f"{self.meaning.replace('_', ' ')} off by {self.raw_difference:.1%}{pixels}"


def agreement_of(meaning: Meaning, values: Floats, expected: Floats) -> Agreement:
    """Compare an output's real numbers with the expected ones, both (H, W, C) or (C,), whatever they are."""
    same_class = None
    if meaning == "segmentation":
        same_class = float(np.mean(values.argmax(axis=-1) == expected.argmax(axis=-1)))
    finite = bool(np.isfinite(values).all())
    return Agreement(meaning, raw_difference(values, expected) if finite else 1.0, same_class)


def raw_difference(estimate: Floats, reference: Floats) -> float:
    """Return the root mean square difference in standard deviations of the reference, nothing aligned; <= 1.

    For what should give the same numbers: a wrong scale or normalisation, which the other metrics may
    forgive, shows here.
    """
    difference = np.asarray(estimate, np.float64) - reference
    rms = float(np.sqrt(np.mean(difference * difference)))
    if is_constant(reference):
        return float(rms > _CONSTANT * float(np.abs(reference).max()))
    return min(1.0, rms / float(np.std(reference, dtype=np.float64)))


def is_constant(values: Floats) -> bool:
    """Tell whether values vary by no more than float32's rounding."""
    return float(np.ptp(values)) <= _CONSTANT * float(np.abs(values).max())
