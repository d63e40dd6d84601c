"""The `[models]` section of the configuration."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class ModelSettings(BaseModel):
    """The networks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path | None = Field(
        default=None,
        description="Folder with `manifest.json` and the files that it names; `appliance doctor` checks each "
        "of them. Without it, leftovers are measured by back projection alone.",
    )
