"""The settings: one TOML file, one validated tree, errors that name the key and what it accepts."""

import difflib
import json
import math
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from appliance.budget import DeadlineSettings
from appliance.config_keys import allowed, either, keys, kind_of, models_of, sections, toml
from appliance.errors import ConfigError

_LARGEST_FILE = 1_000_000
_LISTED_FAULTS = 3
_LONGEST_VALUE = 60

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
        description="Name of this box, unique within its site; it stands where the site does.",
        json_schema_extra={
            "allowed": 'letters, digits, "-" and "_", at most 48, beginning with a letter or digit'
        },
    )
    state_dir: Path = Field(
        default=Path("/var/lib/janban"),
        description="Folder that survives a reboot: the store of readings and counters.",
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


class Settings(BaseModel):
    """The whole tree; each section belongs to one package of the appliance."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: DeviceSettings = Field(description="Which box this is, and where it keeps things.")
    deadline: DeadlineSettings = Field(default=DeadlineSettings(), description="The one budget of time.")
    service: ServiceSettings = Field(default=ServiceSettings(), description="The loop of the service.")


def load(file: Path) -> Settings:
    """Read and validate a configuration file.

    Paths in it that are not absolute are taken from the file's own folder. Raises `ConfigError`, one line
    that names up to three faulty keys.
    """
    return parse(_read(file), folder=file.parent, source=file.name)


def parse(text: str, *, folder: Path = Path("/"), source: str = "configuration") -> Settings:
    """Validate the text of a configuration file named `source`, whose relative paths start at `folder`."""
    data = _parse_toml(text, source)
    _anchor_paths(data, folder.absolute())
    try:
        # Strict JSON takes "a/path" for a path and [1, 2] for a pair, but not "1883" or true for a number.
        return Settings.model_validate_json(json.dumps(data, default=str), strict=True)
    except ValidationError as error:
        faults = _faults(error)
    listed, more = faults[:_LISTED_FAULTS], len(faults) - _LISTED_FAULTS
    raise ConfigError(f"{source}: " + "; ".join(listed) + (f"; and {more} more" if more > 0 else ""))


def _read(file: Path) -> str:
    try:
        if file.is_dir() or file.stat().st_size > _LARGEST_FILE:
            raise ConfigError(f"{file}: is no configuration file; write one as docs/example.toml shows")
        # A byte order mark is what Windows' editors leave.
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{file}: does not exist; copy docs/example.toml there and edit it") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}; check its owner and mode") from None


def _parse_toml(text: str, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text, parse_float=_finite)
    except tomllib.TOMLDecodeError as error:
        at = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", str(error), re.DOTALL)
        what, line, column = at.groups() if at else (str(error), None, None)
        if line is None:
            line, column = text.count("\n") + 1, len(text) - (text.rfind("\n") + 1) + 1
        raise ConfigError(
            f"{source}, line {line}, column {column}: {what}; write TOML, as in docs/example.toml"
        ) from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{source}: is not TOML that can be read: {_one_line(str(error))}") from None


def _finite(digits: str) -> float | str:
    """Read a TOML float; what is not finite stays text, which no setting that wants a number accepts."""
    value = float(digits)
    return value if math.isfinite(value) else digits


def _anchor_paths(data: dict[str, Any], folder: Path) -> None:
    """Make the relative paths in `data` absolute, in place."""
    for key in keys(Settings):
        *outer, last = key.name.split(".")
        section: Any = data
        for name in outer:
            section = section.get(name) if isinstance(section, dict) else None
        if key.is_path and isinstance(section, dict) and isinstance(section.get(last), str) and section[last]:
            section[last] = str(folder / section[last])


def _faults(error: ValidationError) -> list[str]:
    """Word the faults, one per key: pydantic reports a value once for each member of a union."""
    worded: dict[str, str] = {}
    for detail in error.errors(include_url=False):
        name, field = _find(detail["loc"])
        worded.setdefault(name, _word(name, field, detail))
    return list(worded.values())


def _find(location: tuple[int | str, ...]) -> tuple[str, FieldInfo | None]:
    """Return the full key of a location in the tree, and its field if there is one of that name.

    Inside a union the location names the member too, which is no part of the key.
    """
    models: tuple[type[BaseModel], ...] = (Settings,)
    name, rest = "", list(location)
    field: FieldInfo | None = None
    while rest and models:
        step = str(rest.pop(0))
        name = f"{name}.{step}" if name else step
        field = next((m.model_fields[step] for m in models if step in m.model_fields), None)
        if field is None:
            break
        models = models_of(field)
        if field.discriminator and rest:
            kind = rest.pop(0)
            models = tuple(m for m in models if kind_of(m, field.discriminator) == kind)
    index = rest[0] if rest else None
    return (f"{name}[{index}]" if isinstance(index, int) else name), field


def _word(name: str, field: FieldInfo | None, detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    fault = f"{_given(name, detail['input'])} is not allowed"
    use = allowed(field) if field else detail["msg"]
    match detail["type"]:
        case "extra_forbidden":
            return _unknown(name)
        case "missing":
            fault = "is missing"
        case "union_tag_not_found":
            name, fault, use = f"{name}.kind", "is missing", _kinds(field)
        case "union_tag_invalid":
            name, fault, use = f"{name}.kind", f"{toml(context['tag'])} is not allowed", _kinds(field)
        case "value_error":
            return f"{name}: {_one_line(str(context['error']))}"
    if field and models_of(field) and not name.endswith(".kind"):
        required = [
            key for model in models_of(field) for key, f in model.model_fields.items() if f.is_required()
        ]
        use = f"a section, [{name}]" + (f", with {' and '.join(required)}" if required else "")
    return f"{name}: {fault}; use {use}"


def _unknown(name: str) -> str:
    """Word an unknown key, with the valid one that it was perhaps meant to be."""
    outer, _, last = name.rpartition(".")
    known = {key.name.rpartition(".") for key in keys(Settings)}
    known |= {section.rpartition(".") for section, _ in sections(Settings)}
    beside = sorted(key for section, _, key in known if section == outer)
    moved = sorted(f"{section}.{key}".lstrip(".") for section, _, key in known if key == last)
    close = [f"{outer}.{key}".lstrip(".") for key in difflib.get_close_matches(last, beside, n=1)]
    if meant := [*moved, *close]:
        return f"{name}: is not a setting; did you mean {meant[0]}?"
    return f"{name}: is not a setting; use one of {', '.join(beside)}"


def _kinds(field: FieldInfo | None) -> str:
    kinds = [kind_of(model, field.discriminator) for model in models_of(field)] if field else []
    return either(toml(kind) for kind in kinds)


def _given(name: str, value: object) -> str:
    """Show a value as it was given, shortened, but never a secret."""
    if "password" in name or "secret" in name:
        return "the value given"
    text = toml(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def _one_line(text: str) -> str:
    return " ".join(text.split())
