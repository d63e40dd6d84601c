"""`report.json`, `janban.parity/1`: how far the stages of one network agree, and what the gates say."""

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from appliance.inference.manifest import Meaning
from appliance.readings.model import Model
from convert.errors import GateError

SCHEMA_ID: Final = "janban.parity/1"

Transition = Literal["float", "int8", "edgetpu"]
"""What lies between two stages: only another float runtime, quantisation, or the Edge TPU's compiler."""

Statistic = Literal["mean", "p5", "worst", "pooled"]
"""Over the pictures: the mean; the value that all but the worst 5 % reach; the worst picture; for mIoU, the
value of all pictures' pixels counted together."""

Value = Annotated[float, Field(ge=0, le=1), AfterValidator(lambda value: round(value, 6) + 0.0)]
"""A metric, 0..1, to six decimals; the gates judge the rounded value, so that the report can be checked."""


class MetricResult(Model):
    """One metric between two stages."""

    mean: Value
    p5: Value
    worst: Value
    pooled: Value | None = None
    pictures: tuple[Value, ...] = Field(min_length=1, description="Of each picture, in the report's order")


class PairResult(Model):
    """One output of one stage, held against the same output of another."""

    output: str
    meaning: Meaning
    reference: str = Field(description="Name of the stage that is taken for the truth")
    stage: str
    transition: Transition
    metrics: dict[str, MetricResult]


class StageResult(Model):
    """One stage that ran."""

    name: str
    time_ratio: float = Field(
        ge=0, description="Time per picture in times of the reference's, on this machine"
    )
    non_finite_pictures: int = Field(ge=0, description="Pictures with NaN or infinity in an output")


class GateResult(Model):
    """One limit, and what was found."""

    output: str
    reference: str
    stage: str
    metric: str
    statistic: Statistic
    value: Value
    limit: Value
    default_limit: Value | None = Field(
        description="Where it differs from the limit; null where there is none"
    )
    at_least: bool = Field(description="True: the value has to reach the limit; false: to stay within it")
    why: str = Field(description="Reason of the limit")
    passed: bool

    @property
    def excess(self) -> float:
        """Return by how much the limit is missed, in shares of what can lie beyond it; <= 0 passes."""
        if self.at_least:
            return (self.limit - self.value) / (self.limit or 1.0)
        return (self.value - self.limit) / (1 - self.limit or 1.0)

    def __str__(self) -> str:
        """Say it in one line."""
        return (
            f"{self.stage} against {self.reference}: {self.output} {self.metric} ({self.statistic})"
            f" is {self.value:.4g}, the limit is {'>=' if self.at_least else '<='} {self.limit:.4g}"
        )


class ParityResult(Model):
    """The whole comparison."""

    schema_id: Literal["janban.parity/1"] = Field(default=SCHEMA_ID, alias="schema")
    network: str
    input_px: tuple[int, int] = Field(description="Height and width")
    picture_origin: str = Field(description="Where the pictures come from, for people")
    pictures: tuple[str, ...] = Field(min_length=1)
    reference: str = Field(description="The stage that all others are held against")
    stages: tuple[StageResult, ...] = Field(min_length=2)
    pairs: tuple[PairResult, ...] = Field(min_length=1)
    gates: tuple[GateResult, ...] = Field(description="Of every pair that has a limit")
    passed: bool = Field(description="Whether every gate is")
    sheets: dict[str, str] = Field(default_factory=dict, description="Output → picture file in this folder")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.passed != all(gate.passed for gate in self.gates):
            raise ValueError("passed is not what the gates say")
        return self

    def enforce(self) -> None:
        """Raise `GateError`, one line that names the gate which is missed most, unless all gates passed."""
        failed = [gate for gate in self.gates if not gate.passed]
        if failed:
            worst = max(failed, key=lambda gate: gate.excess)
            raise GateError(f"{self.network}: {worst} ({len(failed)} of {len(self.gates)} gates failed)")

    def figures(self, stage: str) -> dict[str, float]:
        """Return the mean and worst of every metric of `stage` against the reference, for a manifest.

        Keys are `<metric>_<statistic>`, with `<output>_` before them where the network has several outputs.
        Empty for the reference itself and for a stage that is not there.
        """
        pairs = [pair for pair in self.pairs if (pair.reference, pair.stage) == (self.reference, stage)]
        figures: dict[str, float] = {}
        for pair in pairs:
            prefix = f"{pair.output}_" if len(pairs) > 1 else ""
            for name, metric in pair.metrics.items():
                figures[f"{prefix}{name}_mean"] = metric.mean
                figures[f"{prefix}{name}_worst"] = metric.worst
                if metric.pooled is not None:
                    figures[f"{prefix}{name}_pooled"] = metric.pooled
        return figures
