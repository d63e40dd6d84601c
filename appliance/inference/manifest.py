"""`models/manifest.json`, `janban.models/1`: the models, what goes in and comes out, and how good they are.

`convert` writes it, the device reads it; a model that is not in it, or differs from it, is not run.
"""

import math
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from appliance.errors import ModelError
from appliance.files import read_whole
from appliance.inference.record import TrainingRecord
from appliance.readings.model import Line, Model, Word

SCHEMA_ID: Final = "janban.models/1"
FILE_NAME: Final = "manifest.json"

LARGEST_FILE_BYTES: Final = 1_000_000

_AGAIN: Final = "copy the models folder again, or make it anew"

Meaning = Literal["inverse_depth", "segmentation", "quantity"]
"""What a model's output says: relative inverse depth (N, H, W, 1), class scores per pixel (N, H, W, C), or
scores of the classes of leftover quantity (N, C)."""

Device = Literal["cpu", "edgetpu"]

ElementType = Literal["float32", "int8", "uint8"]

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
"""A file beside the manifest; it cannot lead out of the folder."""

Rgb = tuple[float, float, float]

_MOST_VALUES: Final = 2**24

_VALUES: Final = {"int8": range(-128, 128), "uint8": range(256)}


class TensorSignature(Model):
    """One input or output of a TFLite file, as its interpreter describes it."""

    name: Line = Field(description="Name of the tensor in the file")
    shape: tuple[Annotated[int, Field(ge=1, le=65536)], ...] = Field(
        min_length=1, max_length=4, description="Batch first, channels last"
    )
    dtype: ElementType
    scale: float | None = Field(default=None, gt=0, description="real = scale * (value - zero_point)")
    zero_point: int | None = Field(default=None, ge=-128, le=255)

    @model_validator(mode="after")
    def _quantised_or_not(self) -> Self:
        if any((value is None) != (self.dtype == "float32") for value in (self.scale, self.zero_point)):
            raise ValueError("int8 and uint8 tensors have scale and zero_point, float32 ones have not")
        if self.zero_point is not None and self.zero_point not in _VALUES[self.dtype]:
            raise ValueError(f"zero_point {self.zero_point} is no {self.dtype}")
        if math.prod(self.shape) > _MOST_VALUES:
            raise ValueError(f"shape {list(self.shape)} is more than fits into memory")
        return self


class InputSignature(TensorSignature):
    """A picture (N, H, W, 3), red, green, blue, as (value / 255 - mean) / std."""

    mean: Rgb = Field(description="Of the pixel values 0..1, red, green, blue")
    std: Rgb

    @model_validator(mode="after")
    def _a_picture(self) -> Self:
        if len(self.shape) != 4 or self.shape[3] != 3:
            raise ValueError(f"shape {list(self.shape)} is no colour picture (N, H, W, 3)")
        if min(self.std) <= 0:
            raise ValueError("std has to be above 0")
        return self


class OutputSignature(TensorSignature):
    """What one output means."""

    meaning: Meaning
    classes: tuple[Word, ...] = Field(default=(), description="Of the last axis, in order; none for depth")

    @model_validator(mode="after")
    def _as_it_means(self) -> Self:
        depth = self.meaning == "inverse_depth"
        axes = 2 if self.meaning == "quantity" else 4
        if len(self.shape) != axes or (depth and self.shape[-1] != 1):
            raise ValueError(f"shape {list(self.shape)} is not that of {self.meaning}")
        if len(self.classes) != (0 if depth else self.shape[-1]):
            raise ValueError(f"{len(self.classes)} classes do not go with shape {list(self.shape)}")
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("two classes have the same name")
        return self


class ModelFile(Model):
    """One file of a model; all files of a model take the same input."""

    file: FileName
    sha256: Sha256
    size_bytes: int = Field(gt=0)
    device: Device
    input: InputSignature
    outputs: tuple[OutputSignature, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _distinct_outputs(self) -> Self:
        names = [output.name for output in self.outputs]
        if len(set(names)) < len(names):
            raise ValueError("two outputs have the same name")
        return self

    @property
    def version(self) -> str:
        """What tells this file from every other: the beginning of its hash."""
        return self.sha256[:12]


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
    training: TrainingRecord | None = Field(
        default=None, description="How the weights were trained, if known"
    )
    parity: dict[str, float] = Field(default_factory=dict, description="Agreement of the stages")
    accuracy: dict[str, float] = Field(default_factory=dict, description="Against ground truth")
    cost: dict[str, float] = Field(default_factory=dict, description="Size, operations, predicted times")
    tools: dict[str, Line] = Field(default_factory=dict, description="Versions of what made the files")

    @model_validator(mode="after")
    def _one_network(self) -> Self:
        pictures = {(file.input.shape[1:], file.input.mean, file.input.std) for file in self.files}
        outputs = {tuple((o.meaning, o.shape[1:], o.classes) for o in file.outputs) for file in self.files}
        if len(pictures) > 1 or len(outputs) > 1:
            raise ValueError("files of one model take other pictures or give other outputs")
        return self


class Manifest(Model):
    """The whole file."""

    schema_id: Literal["janban.models/1"] = Field(default=SCHEMA_ID, alias="schema")
    models: tuple[ModelEntry, ...]

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for what, names in (
            ("models", [model.name for model in self.models]),
            ("files", [file.file for model in self.models for file in model.files]),
        ):
            if len(set(names)) < len(names):
                raise ValueError(f"two {what} have the same name")
        return self


def load_manifest(path: Path) -> Manifest:
    """Read and check a manifest.

    Fields that this version does not know are refused as well: what is not understood of a model may be what
    matters. Raises `ModelError`, one line that names the file and the first faulty field.
    """
    try:
        return parse_manifest(read_whole(path, LARGEST_FILE_BYTES).decode(), str(path))
    except FileNotFoundError:
        raise ModelError(f"{path}: missing; copy the whole models folder, with its manifest") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); check its owner and mode") from None
    except UnicodeDecodeError:
        raise ModelError(f"{path}: not UTF-8 text; copy the models folder again") from None


def parse_manifest(text: str, source: str = FILE_NAME) -> Manifest:
    """Parse and check the text of the manifest `source`; raises `ModelError` as `load_manifest` does."""
    try:
        manifest = Manifest.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise ModelError(f"{source}: {_first_fault(error)}; {_AGAIN}") from None
    if "schema_id" not in manifest.model_fields_set:
        raise ModelError(f"{source}: schema: Field required; {_AGAIN}")
    return manifest


def _first_fault(error: ValidationError) -> str:
    """Return where the first fault is, as models[0].files[1].sha256, and what it is."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    reason = first["msg"].removeprefix("Value error, ")
    return " ".join((f"{where.lstrip('.')}: {reason}" if where else reason).split())
