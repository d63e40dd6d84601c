"""The `[store]` section of the configuration."""

from pydantic import BaseModel, ConfigDict, Field


class StoreSettings(BaseModel):
    """How long readings are kept after the broker took them, and how much room they may take."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keep_sent_days: float = Field(
        default=30.0,
        gt=0,
        le=3650,
        allow_inf_nan=False,
        description="Days for which a reading is kept after the broker took it.",
    )
    max_mb: float = Field(
        default=256.0,
        ge=1,
        le=65536,
        allow_inf_nan=False,
        description="Size in megabytes at which the oldest readings make room for new ones: those that the "
        "broker has, and only when none of them is left those that it has not; each of these is counted.",
    )
