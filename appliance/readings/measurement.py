"""What was measured on one tray: the part that `appliance measure` prints and a reading carries."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from appliance.readings.model import Fraction, Line, Milliseconds, Model, Pixels, Word
from appliance.readings.variant import Variant

_WEIGHT_SUM_TOLERANCE = 1e-3


def _has_total(latency_ms: dict[str, float]) -> dict[str, float]:
    if "total" not in latency_ms:
        raise ValueError("latency_ms needs a total")
    return latency_ms


LatencyMs = Annotated[
    dict[Word, Milliseconds],
    AfterValidator(_has_total),
    Field(description="Milliseconds per stage, and `total` from trigger to result"),
]


class Contents(Model):
    """Shares of what was seen in a compartment, as areas of its opening."""

    rice: Fraction
    liquid: Fraction
    solid: Fraction
    residue: Fraction = Field(description="A film that counts as nothing left")
    foreign: Fraction = Field(description="Utensils, napkins, packages, hands")
    clean: Fraction


class Estimates(Model):
    """What each estimator said, null for one that did not run."""

    back_projection: Fraction | None = None
    depth: Fraction | None = None
    segmentation: Fraction | None = None


class Weights(Model):
    """How much each estimate counted; they add up to 1."""

    back_projection: Fraction = 0.0
    depth: Fraction = 0.0
    segmentation: Fraction = 0.0

    @model_validator(mode="after")
    def _add_up(self) -> Self:
        total = self.back_projection + self.depth + self.segmentation
        if abs(total - 1) > _WEIGHT_SUM_TOLERANCE:
            raise ValueError(f"weights add up to {total:.4f}, not to 1")
        return self


class CompartmentMeasurement(Model):
    """The leftover of one compartment."""

    id: int = Field(ge=0, description="The compartment's id in the site's layout")
    outline: tuple[tuple[Pixels, Pixels], ...] = Field(
        min_length=3, description="Its opening as a polygon (x, y) in source-image pixels"
    )
    leftover: Fraction = Field(description="Volume left, relative to the full serving: 0 empty, 1 as served")
    uncertainty: Fraction = Field(description="One standard deviation of leftover")
    confidence: Fraction = Field(description="How far the estimators trust what they saw")
    contents: Contents | None = Field(default=None, description="Null where no segmentation ran")
    estimates: Estimates
    weights: Weights
    flags: tuple[Word, ...] = Field(default=(), description="Short remarks for machines")
    mixed_from: tuple[int, ...] = Field(
        default=(),
        description="Of a compartment flagged mixed, those in which the food was served that was scraped "
        "into it, judged by its kind; empty where that is not known",
    )

    @model_validator(mode="after")
    def _weigh_only_what_ran(self) -> Self:
        for name in Estimates.model_fields:
            if getattr(self.estimates, name) is None and getattr(self.weights, name) > 0:
                raise ValueError(f"{name} has a weight but no estimate")
        return self


class Outcome(Model):
    """What came out for a tray. A rejected one has a reason and no numbers."""

    status: Literal["measured", "degraded", "rejected"]
    reason: Line | None = Field(default=None, description="Why degraded or rejected, else null")
    path: Literal["full", "fallback"] = Field(
        description="full: every estimator had its say; fallback: back projection alone"
    )
    compartments: tuple[CompartmentMeasurement, ...] = ()
    leftover: Fraction | None = Field(
        default=None, description="The whole tray's leftover by volume, 0..1; null if rejected"
    )
    latency_ms: LatencyMs
    variant: Variant | None = Field(
        default=None,
        exclude_if=lambda variant: variant is None,
        description="What settings under test made of the same tray; absent where none are tested",
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.status == "measured" and self.reason is not None:
            raise ValueError("a measured tray needs no reason")
        if self.status != "measured" and self.reason is None:
            raise ValueError(f"a {self.status} tray needs a reason")
        if self.status == "rejected":
            if self.compartments or self.leftover is not None or self.variant is not None:
                raise ValueError("a rejected tray has no numbers")
        elif not self.compartments or self.leftover is None:
            raise ValueError(f"a {self.status} tray needs its compartments and its leftover")
        ids = [compartment.id for compartment in self.compartments]
        if len(set(ids)) != len(ids):
            raise ValueError(f"compartment ids repeat: {ids}")
        return self


class _Source(Model):
    image: str = Field(description="The measured file")


class Measurement(Outcome, _Source):
    """The result of `appliance measure` for one picture."""

    models: dict[str, str] = Field(default_factory=dict, description="Networks that took part, and versions")
