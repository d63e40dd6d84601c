"""What a second set of parameters made of a tray: told beside the reading's own numbers, never in place."""

from typing import Literal, Self

from pydantic import Field, model_validator

from appliance.readings.model import Fraction, Line, Milliseconds, Model, Name


class VariantCompartment(Model):
    """The variant's leftover of one compartment."""

    id: int = Field(ge=0, description="The compartment's id in the site's layout")
    leftover: Fraction = Field(description="Volume left, relative to the full serving: 0 empty, 1 as served")
    uncertainty: Fraction = Field(description="One standard deviation of leftover")


class Variant(Model):
    """What settings under test read from the same tray; a skipped one has a reason and no numbers."""

    name: Name = Field(description="Name of the settings under test")
    skipped: Line | None = Field(default=None, description="Why the variant did not run, else null")
    path: Literal["full", "fallback"] | None = Field(
        default=None, description="As the reading's own; null if skipped"
    )
    compartments: tuple[VariantCompartment, ...] = ()
    leftover: Fraction | None = Field(
        default=None, description="The whole tray's leftover by volume, 0..1; null if skipped"
    )
    latency_ms: Milliseconds = Field(
        default=0.0, description="Milliseconds that the variant took, after the reading's own total"
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        numbers = (self.path is not None, bool(self.compartments), self.leftover is not None)
        if self.skipped is not None and any(numbers):
            raise ValueError("a skipped variant has no numbers")
        if self.skipped is None and not all(numbers):
            raise ValueError("a variant needs its path, its compartments and its leftover")
        ids = [compartment.id for compartment in self.compartments]
        if len(set(ids)) != len(ids):
            raise ValueError(f"compartment ids repeat: {ids}")
        return self
