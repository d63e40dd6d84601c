"""The settings: one TOML file, one validated tree, errors that name the key and what it accepts."""

import json
import math
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.artifacts.settings import ArtifactSettings
from appliance.budget import DeadlineSettings
from appliance.camera.settings import CameraSettings
from appliance.config_faults import describe
from appliance.config_keys import Key, keys
from appliance.errors import ConfigError
from appliance.estimate.settings import EstimateSettings, VariantSettings
from appliance.files import read_whole
from appliance.inference.settings import ModelSettings
from appliance.line.settings import TriggerSettings
from appliance.publish.settings import PublishSettings
from appliance.readings.settings import StoreSettings
from appliance.remote.settings import CommandSettings
from appliance.toml_text import parse_toml

T = TypeVar("T", bound=BaseModel)

_LARGEST_FILE_BYTES = 100_000
_LISTED_FAULTS = 3
_EXAMPLE = "docs/example.toml"

TopicName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,47}$")]
"""A level of the MQTT topics: letters, digits, "-" and "_", so that no broker or file system objects."""


class DeviceSettings(BaseModel):
    """Which box this is, and where it keeps things."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    site: TopicName = Field(
        description="Name of the canteen: a level of the topics and a field of every reading.",
        json_schema_extra={
            "allowed": 'letters, digits, "-" and "_", at most 48, beginning with a letter or digit'
        },
    )
    name: TopicName = Field(
        description="Name of this box, unique within its site; it stands beside the site everywhere.",
        json_schema_extra={
            "allowed": 'letters, digits, "-" and "_", at most 48, beginning with a letter or digit'
        },
    )
    state_dir: Path = Field(
        default=Path("/var/lib/janban"),
        description="Folder of the store of readings; it has to survive a reboot.",
    )
    calibration_dir: Path = Field(
        default=Path("/var/lib/janban/calibration"),
        description="Folder that `appliance calibrate --out` wrote.",
    )


class ServiceSettings(BaseModel):
    """The loop of the service."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    queue_trays: int = Field(
        default=8,
        ge=1,
        le=32,
        description="Trays that may wait to be measured. One that finds the queue full is stored as "
        "rejected, so that it is counted all the same.",
    )
    overlay: bool = Field(
        default=False,
        description="Keep a picture of the last tray and what was measured. It never leaves the device.",
    )
    overlay_file: Path = Field(
        default=Path("/run/janban/last-tray.png"),
        description="Where that picture goes; keep it in memory (/run), to spare the SD card.",
    )
    health_interval_s: float = Field(
        default=60.0,
        ge=5,
        le=3600,
        allow_inf_nan=False,
        description="Seconds between two health messages.",
    )
    metrics_port: int = Field(
        default=19273,
        ge=0,
        le=65535,
        description="Port of 127.0.0.1 on which Prometheus, or who else scrapes its text format, finds "
        "/metrics and /healthz; nobody outside the box can reach it. 0 switches it off.",
    )


class Settings(BaseModel):
    """The whole tree; each section belongs to one package of the appliance."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: DeviceSettings = Field(description="Which box this is, and where it keeps things.")
    camera: CameraSettings = Field(description="Where frames come from.")
    trigger: TriggerSettings = Field(
        default=TriggerSettings(), description="How a stream of frames becomes one event per tray."
    )
    estimate: EstimateSettings = Field(default=EstimateSettings(), description="How leftovers are measured.")
    variant: VariantSettings | None = Field(
        default=None,
        description="A second set of parameters under test. Trays are measured with it too, after the "
        "first result and only in time that is left, and readings tell both. Without this section nothing is "
        "tested.",
    )
    models: ModelSettings = Field(default=ModelSettings(), description="The networks.")
    artifacts: ArtifactSettings = Field(
        default=ArtifactSettings(), description="Networks and menus that came by an update of their own."
    )
    deadline: DeadlineSettings = Field(default=DeadlineSettings(), description="The one budget of time.")
    store: StoreSettings = Field(
        default=StoreSettings(), description="Where readings wait for the broker, and how long they are kept."
    )
    mqtt: PublishSettings = Field(
        default=PublishSettings(), description="The broker that takes the readings."
    )
    commands: CommandSettings = Field(
        default=CommandSettings(), description="Who may ask this box for something, over MQTT."
    )
    service: ServiceSettings = Field(default=ServiceSettings(), description="The loop of the service.")


class _Snippet(BaseModel):
    """What `appliance tune` writes: the section `[estimate]` alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    estimate: EstimateSettings = Field(description="How leftovers are measured.")


def load(file: Path) -> Settings:
    """Read and validate a configuration file.

    Paths in it that are not absolute are taken from the file's own folder. Raises `ConfigError`, one line
    that names up to three faulty keys.
    """
    return parse(_read(file), folder=file.parent, source=file.name)


def load_estimate(file: Path) -> EstimateSettings:
    """Read a file that holds the section `[estimate]` alone, as `appliance tune` writes it; as `load`."""
    return _parse(_read(file), file.parent, file.name, _Snippet).estimate


def load_as(file: Path, tree: type[T], example: str) -> T:
    """Read a file of other settings, those of the model `tree`; as `load`, but errors refer to `example`."""
    return _parse(_read(file, example), file.parent, file.name, tree, example)


def parse(text: str, *, folder: Path = Path("/"), source: str = "configuration") -> Settings:
    """Validate the text of a configuration file named `source`, whose relative paths start at `folder`."""
    return _parse(text, folder, source, Settings)


def _parse(text: str, folder: Path, source: str, tree: type[T], example: str = _EXAMPLE) -> T:
    # A date is text like any other: no setting wants one.
    data = json.loads(json.dumps(_parse_toml(text, source, example), default=str))
    texts = list(_texts(data, tree))
    # A zero byte fits into no path and no name of a host, other control characters hide what is meant.
    faults = [
        f"{key.name}: holds characters that cannot be seen; write it anew"
        for key, section, last in texts
        if not _legible(section[last], many_lines=key.many_lines)
    ]
    for key, section, last in texts:
        if key.is_path and section[last]:
            section[last] = str(folder.absolute() / section[last])
    try:
        # Strict JSON takes "a/path" for a path and [1, 2] for a pair, but not "1883" or true for a number.
        settings = tree.model_validate_json(json.dumps(data), strict=True)
        if not faults:
            return settings
    except ValidationError as error:
        faults = describe(error, tree)
    listed, more = faults[:_LISTED_FAULTS], len(faults) - _LISTED_FAULTS
    raise ConfigError(f"{source}: " + " | ".join(listed) + (f" | and {more} more" if more > 0 else ""))


def _legible(text: str, *, many_lines: bool) -> bool:
    return all(line.isprintable() for line in (text.splitlines() if many_lines else [text]))


def _read(file: Path, example: str = _EXAMPLE) -> str:
    try:
        # A byte order mark is what Windows' editors leave.
        return read_whole(file, _LARGEST_FILE_BYTES).decode("utf-8-sig")
    except IsADirectoryError:
        raise ConfigError(f"{file}: is no configuration file; write one as {example} shows") from None
    except FileNotFoundError:
        raise ConfigError(f"{file}: does not exist; copy {example} there and edit it") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}; check its owner and mode") from None


def _parse_toml(text: str, source: str, example: str) -> dict[str, Any]:
    try:
        return parse_toml(text, _finite)
    except tomllib.TOMLDecodeError as error:
        at = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", str(error), re.DOTALL)
        what, line, column = at.groups() if at else (str(error), None, None)
        if line is None:
            line, column = text.count("\n") + 1, len(text) - (text.rfind("\n") + 1) + 1
        raise ConfigError(
            f"{source}, line {line}, column {column}: {what}; write TOML, as in {example}"
        ) from None
    except ValueError as error:
        raise ConfigError(f"{source}: is not TOML that can be read: {error}; write it anew") from None


def _finite(digits: str) -> float | str:
    """Read a TOML float; what is not finite stays text, which no setting that wants a number accepts."""
    value = float(digits)
    return value if math.isfinite(value) else digits


def _texts(data: dict[str, Any], tree: type[BaseModel]) -> Iterator[tuple[Key, dict[str, Any], str]]:
    """Yield the settings in `data` that are text, each with the section and the name that it has there."""
    for key in keys(tree):
        *outer, last = key.name.split(".")
        section: Any = data
        for name in outer:
            section = section.get(name) if isinstance(section, dict) else None
        if isinstance(section, dict) and isinstance(section.get(last), str):
            yield key, section, last
