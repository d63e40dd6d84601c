"""The step that joins a compartment's estimates, as whoever measures trays knows it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from appliance.estimate.amount import DishKind
from appliance.estimate.estimate import Estimate
from appliance.estimate.fusion import fuse, study_weights


@dataclass(frozen=True)
class Fused:
    """One estimate out of several; `weights` of those that counted, summing to 1."""

    estimate: Estimate
    weights: dict[str, float]


FusionRule = Callable[[Mapping[str, Estimate], DishKind], Fused]
"""Takes a compartment's estimates by name (some of `fusion.ESTIMATORS`, at least one) and the kind of dish
that was served there."""


def by_study(estimates: Mapping[str, Estimate], kind: DishKind) -> Fused:  # noqa: ARG001 - other rules heed it
    """Join by the original study's rule, which heeds only how sure the segmentation is."""
    segmentation = estimates.get("segmentation")
    weights = study_weights(estimates.keys(), None if segmentation is None else segmentation.confidence)
    return Fused(fuse(estimates, weights), weights)
