"""The trigger's settings."""

from pydantic import BaseModel, ConfigDict, Field


class TriggerSettings(BaseModel):
    """When a tray counts as seen, and which of its frames is measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shortest_share: float = Field(
        default=0.25,
        ge=0.1,
        le=0.9,
        description="A tray's long side is at least this share of the picture's width; smaller things are no "
        "trays.",
    )
    longest_share: float = Field(
        default=0.85, ge=0.2, le=1.0, description="A tray's long side is at most this share of the width."
    )
    settle_s: float = Field(
        default=0.3,
        ge=0.05,
        le=2,
        allow_inf_nan=False,
        description="Seconds that a tray has to lie still before its best frame is taken.",
    )
    longest_wait_s: float = Field(
        default=2.0,
        ge=0.2,
        le=4,
        allow_inf_nan=False,
        description="Seconds after which the best frame so far is taken of a whole tray that does not lie "
        "still.",
    )
    cut_share: float = Field(
        default=0.03,
        ge=0,
        le=0.1,
        allow_inf_nan=False,
        description="Share of a tray's area that may lie outside the picture while it counts as whole.",
    )
    contrast: float = Field(
        default=14.0,
        ge=4,
        le=80,
        allow_inf_nan=False,
        description="Step in grey levels at a tray's rim that counts as a full edge. Lower it where trays "
        "hardly stand out from the counter.",
    )
    hidden_s: float = Field(
        default=3.0,
        ge=0.5,
        le=30,
        allow_inf_nan=False,
        description="Seconds for which a tray is remembered while something hides it.",
    )
    absorb_s: float = Field(
        default=6.0,
        ge=1,
        le=600,
        allow_inf_nan=False,
        description="Seconds after which something that lies still and is no tray becomes background.",
    )
