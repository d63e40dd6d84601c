"""Joins the estimators' answers for one compartment into one, by the original study's rule."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final

import numpy as np

from appliance.estimate.estimate import Estimate

ESTIMATORS: Final = ("back_projection", "depth", "segmentation")

_USUAL: Final = (0.4, 0.4, 0.2)
_SURE: Final = (0.5, 0.4, 0.1)
_UNSURE: Final = (0.6, 0.3, 0.1)


def study_weights(available: AbstractSet[str], resnet_confidence: float | None) -> dict[str, float]:
    """Return the weight of each available estimator; they sum to 1.

    The study's rule for back projection / depth / segmentation: 0.4/0.4/0.2, with a ResNet confidence above
    0.8 instead 0.5/0.4/0.1, below 0.3 instead 0.6/0.3/0.1. The weight of an estimator that is not available
    is shared out among the others in proportion to theirs. `resnet_confidence` is 0..1, or None without one.

    Raises ValueError for no estimator, an unknown one, or a confidence outside 0..1.
    """
    unknown = set(available) - set(ESTIMATORS)
    if unknown or not available:
        raise ValueError(f"estimators must be some of {', '.join(ESTIMATORS)}, not {sorted(available)}")
    row = _USUAL
    if resnet_confidence is not None:
        if not 0.0 <= resnet_confidence <= 1.0:
            raise ValueError(f"a confidence lies between 0 and 1, not at {resnet_confidence}")
        row = _SURE if resnet_confidence > 0.8 else _UNSURE if resnet_confidence < 0.3 else _USUAL
    weights = {name: weight for name, weight in zip(ESTIMATORS, row, strict=True) if name in available}
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def fuse(estimates: Mapping[str, Estimate], weights: Mapping[str, float]) -> Estimate:
    """Return the weighted mean of estimates whose names have a weight.

    The uncertainty has two parts, added in squares: the estimators' own, taken as independent, and how far
    they disagree (the weighted spread around the mean), because estimators that contradict each other cannot
    all be as good as they say. Flags are united in order of appearance.

    Raises ValueError when no estimate has a positive weight.
    """
    named = [(estimate, weights.get(name, 0.0)) for name, estimate in estimates.items()]
    used = [(estimate, weight) for estimate, weight in named if weight > 0.0]
    if not used:
        raise ValueError("no estimate has a weight")
    weight = np.array([w for _, w in used])
    weight /= weight.sum()
    leftover = np.array([e.leftover for e, _ in used])
    mean = float(weight @ leftover)
    own = float(np.sum((weight * np.array([e.uncertainty for e, _ in used])) ** 2))
    spread = float(weight @ (leftover - mean) ** 2)
    flags = dict.fromkeys(flag for e, _ in used for flag in e.flags)
    return Estimate(
        leftover=min(max(mean, 0.0), 1.0),
        uncertainty=float(np.sqrt(own + spread)),
        confidence=min(max(float(weight @ np.array([e.confidence for e, _ in used])), 0.0), 1.0),
        flags=tuple(flags),
    )
