"""What an estimator says about one compartment."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A leftover estimate of one compartment.

    `leftover` is the volume fraction of the full serving, 0..1; `uncertainty` one standard deviation of it;
    `confidence` 0..1, how far the estimator trusts what it sees; `flags` short machine-readable remarks.
    """

    leftover: float
    uncertainty: float
    confidence: float
    flags: tuple[str, ...] = ()
