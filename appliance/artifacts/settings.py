"""The `[artifacts]` section of the configuration."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class ArtifactSettings(BaseModel):
    """Networks and menus that came by an update of their own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path | None = Field(
        default=None,
        description="Folder where root keeps networks and menus that came by a signed update of their own; "
        "`appliance update install` writes there, the service reads. Networks that are in force there take "
        "the place of `models.folder`. Without it there are none.",
    )
