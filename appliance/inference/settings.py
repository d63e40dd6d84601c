"""The `[models]` section of the configuration."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ModelSettings(BaseModel):
    """The networks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path | None = Field(
        default=None,
        description="Folder with `manifest.json` and the files that it names; `appliance doctor` runs each "
        "of them. Without it, leftovers are measured by back projection alone.",
    )
    device: Literal["auto", "edgetpu", "cpu"] = Field(
        default="auto",
        description='Where they run: "auto" takes a Coral where one is plugged in and the folder has models '
        'for it; "edgetpu" expects one, and complains of its absence; "cpu" leaves it alone. Whenever the '
        "Coral fails, the processor stands in.",
    )
    threads: int = Field(
        default=2,
        ge=1,
        le=16,
        description="Processor threads of a network that runs on the processor.",
    )
    memory_mb: int = Field(
        default=512,
        ge=128,
        le=8192,
        description="Resident memory that the networks' process may take; one that takes more is ended and "
        "started again.",
    )
