"""The `[estimate]` section of the configuration."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from appliance.estimate.parameters import BackProjectionParameters, Channels, Morphology

_STUDY = 'Of method "study": '


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
        default="H+S", description=_STUDY + "the channels of the histogram: hue, saturation, value."
    )
    hist_bins: tuple[Annotated[int, Field(ge=2, le=180)], Annotated[int, Field(ge=2, le=256)]] = Field(
        default=(180, 256), description=_STUDY + "bins of the histogram's two channels."
    )
    thresh: int = Field(
        default=50, ge=0, le=255, description=_STUDY + "match from which on a pixel counts as food."
    )
    morph_op: Morphology = Field(default="close", description=_STUDY + "morphology on the mask of food.")
    use_percentile: bool = Field(
        default=False,
        description=_STUDY + "take as threshold what `food_percent` of the served well's pixels reach.",
    )
    food_percent: float = Field(
        default=70.0,
        ge=0,
        le=100,
        allow_inf_nan=False,
        description=_STUDY + "per cent of the served well's pixels that count as food.",
    )

    def parameters(self) -> BackProjectionParameters:
        """Return the parameters of back projection."""
        return BackProjectionParameters(**self.model_dump(exclude={"fusion"}))
