"""A fusion whose few numbers were fitted to trays of known truth: `fusion.json`, `janban.fusion/1`.

For each kind of dish: constant weights, a curve that bends their mean, and what the answer is off by. Weights
that heed more (stated uncertainties, how far the estimators disagree) were tried, and gained nothing on
trays that they were not fitted to.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from appliance.errors import ModelError
from appliance.estimate.amount import DishKind
from appliance.estimate.estimate import Estimate
from appliance.estimate.fusion import ESTIMATORS, fuse
from appliance.estimate.fusion_rule import Fused, FusionRule, by_study
from appliance.files import read_whole

SCHEMA_ID: Final = "janban.fusion/1"
FILE_NAME: Final = "fusion.json"

_LARGEST_FILE_BYTES: Final = 100_000
_WEIGHT_SUM_TOLERANCE: Final = 1e-3
_LARGEST_SIGMA: Final = 0.5

_NOT_FITTED: Final = frozenset({"no_full_reference", "unserved"})
"""Flags of wells that the fitted trays had none of."""

Weight = Annotated[float, Field(ge=0, le=1)]
Variance = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Weights(_Part):
    """How much each estimate counts; they sum to 1."""

    back_projection: Weight
    depth: Weight
    segmentation: Weight

    @model_validator(mode="after")
    def _add_up(self) -> Self:
        total = sum(self.by_name.values())
        if abs(total - 1) > _WEIGHT_SUM_TOLERANCE:
            raise ValueError(f"weights add up to {total:.4f}, not to 1")
        return self

    @property
    def by_name(self) -> dict[str, float]:
        """Return the weights by the names of `ESTIMATORS`."""
        return {name: float(getattr(self, name)) for name in ESTIMATORS}


class Curve(_Part):
    """Weighted mean m → leftover: m + m (1 - m) (bend + tilt (1 - 2 m)); 0 and 1 stay what they are."""

    bend: float
    tilt: float

    @model_validator(mode="after")
    def _never_falls(self) -> Self:
        if np.any(np.diff(self(np.linspace(0, 1, 101))) < 0):
            raise ValueError("more food would read as less")
        return self

    def __call__(self, mean: np.ndarray) -> np.ndarray:
        """Return the leftovers 0..1 of weighted means 0..1."""
        return np.asarray(mean + mean * (1 - mean) * (self.bend + self.tilt * (1 - 2 * mean)))


class Spread(_Part):
    """Variance of a leftover p: least + middle p (1 - p) + apart d^2 + own s^2.

    d is the weighted standard deviation of the estimates around their mean, s that of the mean if the
    estimators' own uncertainties were right and independent.
    """

    least: Variance
    middle: Variance
    apart: Annotated[float, Field(ge=0)]
    own: Annotated[float, Field(ge=0)]


class DishCoefficients(_Part):
    """What was fitted for one kind of dish."""

    weights: Weights
    curve: Curve
    spread: Spread


class FittedOn(_Part):
    """One source of trays that all this was fitted to; errors are mean absolute ones in points.

    `cross_validated` is of set-ups that were left out of the fit in turn, `study` by the study's rule.
    """

    source: str
    set_ups: tuple[str, ...]
    wells: int = Field(gt=0)
    study: float
    cross_validated: float
    within_1_sigma: float
    within_2_sigma: float


class LearnedFusion(_Part):
    """The whole file. `weights_sha256` are the networks' own weights, by the models' names in the manifest.

    What was fitted holds for these networks, on whichever device they run, and for no others.
    """

    schema_id: Literal["janban.fusion/1"] = Field(default=SCHEMA_ID, alias="schema")
    weights_sha256: dict[str, str] = Field(min_length=1)
    solid: DishCoefficients
    liquid: DishCoefficients
    fitted_on: tuple[FittedOn, ...]

    def join(self, estimates: Mapping[str, Estimate], kind: DishKind) -> Fused:
        """Join estimates, as a `FusionRule`; by the study's rule what is unlike the trays of the fit.

        That are estimates of which one is missing, wells without a full reference, and unserved ones.
        """
        flags = {flag for estimate in estimates.values() for flag in estimate.flags}
        if estimates.keys() != set(ESTIMATORS) or kind == "unserved" or flags & _NOT_FITTED:
            return by_study(estimates, kind)
        fitted = self.liquid if kind == "liquid" else self.solid
        weights = fitted.weights.by_name
        mean = fuse(estimates, weights)
        leftover = float(np.clip(fitted.curve(np.array(mean.leftover)), 0, 1))
        # What hides a well from one estimator hides it from all: together they are no surer than the surest.
        surest = min(estimate.uncertainty for estimate in estimates.values())
        sigma = max(float(np.sqrt(variance(estimates, weights, leftover, fitted.spread))), surest)
        return Fused(replace(mean, leftover=leftover, uncertainty=min(sigma, _LARGEST_SIGMA)), weights)

    def fits(self, weights_sha256: Mapping[str, str | None]) -> bool:
        """Tell whether this was fitted to networks with these weights, by the models' names."""
        return all(weights_sha256.get(name) == sha256 for name, sha256 in self.weights_sha256.items())


def variance(
    estimates: Mapping[str, Estimate], weights: Mapping[str, float], leftover: float, spread: Spread
) -> float:
    """Return the expected squared error of a leftover joined from estimates with these weights."""
    terms = spread_terms(estimates, weights, leftover)
    return float(np.array([spread.least, spread.middle, spread.apart, spread.own]) @ terms)


def spread_terms(
    estimates: Mapping[str, Estimate], weights: Mapping[str, float], leftover: float
) -> np.ndarray:
    """Return what `Spread`'s four numbers are multiplied by, (4,)."""
    weight = np.array([weights[name] for name in estimates])
    read = np.array([estimate.leftover for estimate in estimates.values()])
    own = np.array([estimate.uncertainty for estimate in estimates.values()])
    apart = weight @ (read - weight @ read) ** 2
    return np.array([1.0, leftover * (1 - leftover), apart, ((weight * own) ** 2).sum()])


def load_fusion(path: Path) -> LearnedFusion:
    """Read and check a file; raises `ModelError`, one line."""
    try:
        return LearnedFusion.model_validate_json(read_whole(path, _LARGEST_FILE_BYTES))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); make it with convert fusion") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ModelError(f"{path}: {where}: {first['msg']}; make it anew with convert fusion") from None


def fusion_of(path: Path, weights_sha256: Mapping[str, str | None]) -> tuple[FusionRule, str | None]:
    """Return the rule that a file tells for networks with these weights, and what is wrong with it.

    The study's rule stands in for a file that is absent, damaged, or of other networks.
    """
    try:
        learned = load_fusion(path)
    except ModelError as error:
        return by_study, f"{error}; meanwhile readings are joined by the study's rule"
    if not learned.fits(weights_sha256):
        return by_study, (
            f"{path}: was fitted to other networks; make it anew with convert fusion; meanwhile readings are"
            " joined by the study's rule"
        )
    return learned.join, None
