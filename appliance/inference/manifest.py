"""`models/manifest.json`, `janban.models/1`: the models, what goes in and comes out, and how good they are.

`convert` writes it, the device reads it; a model that is not in it, or differs from it, is not run.
"""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from appliance.readings.model import Line, Model, Word

SCHEMA_ID: Final = "janban.models/1"

Meaning = Literal["inverse_depth", "segmentation", "quantity"]
"""What a model's output says: relative inverse depth (N, H, W, 1), class scores per pixel (N, H, W, C), or
scores of the classes of leftover quantity (N, C)."""

ElementType = Literal["float32", "int8", "uint8"]

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
"""A file beside the manifest; it cannot lead out of the folder."""

Rgb = tuple[float, float, float]


class TensorSignature(Model):
    """One input or output of a TFLite file, as its interpreter describes it."""

    name: Line = Field(description="Name of the tensor in the file")
    shape: tuple[int, ...] = Field(min_length=1, description="Batch first, channels last")
    dtype: ElementType
    scale: float | None = Field(default=None, gt=0, description="real = scale * (value - zero_point)")
    zero_point: int | None = Field(default=None, ge=-128, le=255)

    @model_validator(mode="after")
    def _quantised_or_not(self) -> Self:
        if any((value is None) != (self.dtype == "float32") for value in (self.scale, self.zero_point)):
            raise ValueError("int8 and uint8 tensors have scale and zero_point, float32 ones have not")
        return self


class InputSignature(TensorSignature):
    """A picture (N, H, W, 3), red, green, blue, as (value / 255 - mean) / std."""

    mean: Rgb = Field(description="Of the pixel values 0..1, red, green, blue")
    std: Rgb


class OutputSignature(TensorSignature):
    """What one output means."""

    meaning: Meaning
    classes: tuple[Word, ...] = Field(default=(), description="Of the last axis, in order; none for depth")


class ModelFile(Model):
    """One file of a model; all files of a model take the same input."""

    file: FileName
    sha256: Sha256
    size_bytes: int = Field(gt=0)
    device: Literal["cpu", "edgetpu"]
    input: InputSignature
    outputs: tuple[OutputSignature, ...] = Field(min_length=1)


class Origin(Model):
    """Where a model's weights come from, and what may be done with them."""

    weights: Line = Field(description="Source of the weights, for people")
    weights_sha256: Sha256 | None = Field(default=None, description="Of the checkpoint file")
    trained: bool = Field(description="False: random weights, good for trying the chain only")
    licence: Line = Field(description="SPDX expression")


class ModelEntry(Model):
    """One network and its files."""

    name: Word
    network: Line = Field(description="Architecture, as midas-lite0 or resnet18")
    origin: Origin
    files: tuple[ModelFile, ...] = Field(min_length=1)
    parity: dict[str, float] = Field(default_factory=dict, description="Agreement of the stages")
    accuracy: dict[str, float] = Field(default_factory=dict, description="Against ground truth")
    cost: dict[str, float] = Field(default_factory=dict, description="Size, operations, predicted times")
    tools: dict[str, Line] = Field(default_factory=dict, description="Versions of what made the files")


class Manifest(Model):
    """The whole file."""

    schema_id: Literal["janban.models/1"] = Field(default=SCHEMA_ID, alias="schema")
    models: tuple[ModelEntry, ...] = ()
