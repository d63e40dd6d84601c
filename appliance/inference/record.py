"""How a model's weights were trained: kept in the checkpoint, carried into the manifest, told by the card."""

from pydantic import Field

from appliance.readings.model import Line, Model

Value = int | float | str


class Source(Model):
    """Something of others that went into a training."""

    name: Line
    use: Line = Field(description="What it was used for, as textures of food")
    licence: Line = Field(description="SPDX expression, as its publisher declares it")
    origin: Line = Field(description="Where it was published")


class Stretch(Model):
    """A part of a training that ran without a stop; data may have grown before the next."""

    step: int = Field(ge=0, description="Steps done before it")
    pictures: int = Field(ge=1, description="To train on")
    validation_pictures: int = Field(ge=1, description="To choose the weights by")


class TrainingRecord(Model):
    """How weights were trained."""

    step: int = Field(ge=1, description="After which the weights were taken: the best by validation")
    settings: dict[str, Value] = Field(description="Network, steps, batch, seed, rates and the like")
    data: tuple[Line, ...] = Field(description="What tells the pictures from any other")
    begun_with: Line = Field(description="The encoder's first weights, or all")
    stretches: tuple[Stretch, ...] = Field(min_length=1)
    validation: dict[str, float] = Field(description="Figures of these weights on set-ups to validate on")
    sources: tuple[Source, ...] = Field(default=(), description="Of others, with their licences")
    earlier: "TrainingRecord | None" = Field(
        default=None, description="Of the training that made the weights which all began with"
    )
