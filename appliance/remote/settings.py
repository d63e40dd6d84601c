"""The `[commands]` section of the configuration."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class CommandSettings(BaseModel):
    """Who may ask this box for something, over MQTT."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    operators: Path | None = Field(
        default=None,
        description="File (TOML) of the operators' public keys and the commands that each may give, see "
        "docs/commands.md. Without it the box does not even listen.",
    )
    pictures: bool = Field(
        default=False,
        description="Whether the result of `capture` brings a picture of the tray, cut out and seen from "
        "above. It leaves the device then.",
    )
    samples: int = Field(
        default=20,
        ge=1,
        le=1000,
        description="Pictures that `capture` keeps in the folder `samples` of `device.state_dir`; the oldest "
        "goes first.",
    )
