"""The `[estimate]` section of the configuration."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from appliance.estimate.parameters import BackProjectionParameters, Channels, Morphology

_STUDY = 'Of method "study": '
_OF_STUDY: JsonDict = {"when": {"method": "study"}}
_OF_THRESH: JsonDict = {"when": {"method": "study", "use_percentile": False}}
_OF_PERCENT: JsonDict = {"when": {"method": "study", "use_percentile": True}}
"""Where a parameter has a meaning, for the search of `appliance tune`."""


class EstimateSettings(BaseModel):
    """How leftovers are measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["ratio", "study"] = Field(
        default="ratio",
        description='"ratio" tells food from steel and measures volumes; "study" is the original study\'s '
        "method, which compares areas and has the parameters below.",
    )
    fusion: Literal["learned", "study"] = Field(
        default="learned",
        description='How the three estimates of a compartment become one. "learned" has weights and a curve '
        "for each kind of dish, fitted to trays of known truth; they are in `fusion.json` among the models. "
        "Where that is absent or was fitted to other networks, the study's rule is used, and `health` says "
        'so. "study" is the original study\'s rule.',
    )
    use_channels: Channels = Field(
        default="H+S",
        description=_STUDY + "the channels of the histogram: hue, saturation, value.",
        json_schema_extra=_OF_STUDY,
    )
    hist_bins: tuple[Annotated[int, Field(ge=2, le=180)], Annotated[int, Field(ge=2, le=256)]] = Field(
        default=(180, 256),
        description=_STUDY + "bins of the histogram's two channels.",
        json_schema_extra=_OF_STUDY,
    )
    thresh: int = Field(
        default=50,
        ge=0,
        le=255,
        description=_STUDY + "match from which on a pixel counts as food.",
        json_schema_extra=_OF_THRESH,
    )
    morph_op: Morphology = Field(
        default="close", description=_STUDY + "morphology on the mask of food.", json_schema_extra=_OF_STUDY
    )
    use_percentile: bool = Field(
        default=False,
        description=_STUDY + "take as threshold what `food_percent` of the served well's pixels reach.",
        json_schema_extra=_OF_STUDY,
    )
    food_percent: float = Field(
        default=70.0,
        ge=0,
        le=100,
        allow_inf_nan=False,
        description=_STUDY + "per cent of the served well's pixels that count as food.",
        json_schema_extra=_OF_PERCENT,
    )

    def parameters(self) -> BackProjectionParameters:
        """Return the parameters of back projection."""
        return BackProjectionParameters(**self.model_dump(exclude={"fusion"}))


class VariantSettings(BaseModel):
    """A second set of parameters under test: measured in the shade, and told beside the first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,47}$")] = Field(
        default="variant",
        description="What readings call it; take a new one for every change, so that comparisons do not mix.",
        json_schema_extra={
            "allowed": 'letters, digits, "-" and "_", at most 48, beginning with a letter or digit'
        },
    )
    estimate: EstimateSettings = Field(
        default=EstimateSettings(),
        description="The parameters under test, with the keys of [estimate]. What is left out has its "
        "default, not what [estimate] says.",
    )
