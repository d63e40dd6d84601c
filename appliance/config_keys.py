"""The keys of a settings tree: names, what they accept in words, defaults; for errors and the reference."""

import json
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types as at
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo


@dataclass(frozen=True)
class Key:
    """One setting.

    `name` is its full key ("mqtt.port"); `kind` the value of the section's `kind` to which it belongs, or
    None where it always exists.
    """

    name: str
    kind: str | None
    field: FieldInfo

    @property
    def allowed(self) -> str:
        """What the setting accepts, in words: "a whole number from 1 to 65535"."""
        return allowed(self.field)

    @property
    def default(self) -> str | None:
        """The default as TOML; "" where leaving the key out means none; None where the key is required."""
        if self.field.is_required():
            return None
        value = self.field.get_default(call_default_factory=True)
        return "" if value is None else toml(value)

    @property
    def is_path(self) -> bool:
        """Whether the value is a path of a file or folder."""
        return Path in _members(self.field.annotation)


def models_of(field: FieldInfo) -> tuple[type[BaseModel], ...]:
    """Return the models that `field` holds: several if it is a union of sections, none if it is a value."""
    return tuple(member for member in _members(field.annotation) if _is_model(member))


def sections(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Yield the full name and field of every section below `model`."""
    for name, field in model.model_fields.items():
        models = models_of(field)
        if models:
            yield prefix + name, field
        for member in models:
            yield from sections(member, f"{prefix}{name}.")


def keys(model: type[BaseModel], prefix: str = "", kind: str | None = None) -> Iterator[Key]:
    """Yield every setting of `model` and of the sections in it, in the order of their definition."""
    for name, field in model.model_fields.items():
        models = models_of(field)
        if not models:
            yield Key(prefix + name, kind, field)
        for member in models:
            yield from keys(member, f"{prefix}{name}.", kind_of(member, field.discriminator) or kind)


def kind_of(model: type[BaseModel], discriminator: object) -> str | None:
    """Return the value of the discriminating field that selects `model` from a union, None outside unions."""
    if not isinstance(discriminator, str):
        return None
    return str(get_args(model.model_fields[discriminator].annotation)[0])


def allowed(field: FieldInfo) -> str:
    """Say in words which values `field` accepts; `json_schema_extra={"allowed": …}` overrides the words."""
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "allowed" in extra:
        return str(extra["allowed"])
    return _words(field.annotation, field.metadata)


def toml(value: object) -> str:
    """Write a plain value, path or tuple as TOML on one line."""
    match value:
        case BaseModel():
            return "{}"
        case Enum():
            return toml(value.value)
        case Path():
            return json.dumps(value.as_posix(), ensure_ascii=False)
        case tuple() | list() | set() | frozenset():
            return "[" + ", ".join(toml(item) for item in value) + "]"
        case SecretStr():
            return '"…"'
    return json.dumps(value, ensure_ascii=False, default=str)


def either(choices: Iterable[str]) -> str:
    """List the distinct choices in words: "a, b or c"."""
    *others, last = dict.fromkeys(choices)
    return f"{', '.join(others)} or {last}" if others else last


def _words(annotation: object, metadata: Iterable[object]) -> str:
    metadata = tuple(metadata)
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _words(args[0], (*args[1:], *metadata))
    if origin is Literal:
        return either(toml(choice) for choice in args)
    if origin in (Union, types.UnionType):
        return either(_words(member, metadata) for member in args if member is not type(None))
    if origin in (tuple, list, set, frozenset):
        return _sequence_words(origin, args, metadata)
    return _scalar_words(annotation, metadata)


def _sequence_words(origin: object, args: tuple[Any, ...], metadata: tuple[object, ...]) -> str:
    if origin is tuple and Ellipsis not in args:
        inner = tuple(_words(item, ()) for item in args)
        return f"[{inner[0]}] x {len(inner)}" if len(set(inner)) == 1 else "[" + ", ".join(inner) + "]"
    return f"a list{_length_words(_limits(metadata), 'items')}, each {_words(args[0], ())}"


def _scalar_words(annotation: object, metadata: tuple[object, ...]) -> str:
    limits = _limits(metadata)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return either(toml(choice.value) for choice in annotation)
    if annotation in (str, SecretStr):
        pattern = next((p for item in metadata if (p := getattr(item, "pattern", None))), None)
        return "text" + _length_words(limits, "characters") + (f" that matches {pattern}" if pattern else "")
    plain: dict[object, str] = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        Path: "a path",
    }
    return plain.get(annotation, "a value") + _range_words(limits)


def _limits(metadata: Iterable[object]) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    for item in metadata:
        if isinstance(item, FieldInfo):
            limits |= _limits(item.metadata)
        for part in item if isinstance(item, at.GroupedMetadata) else (item,):
            for name in ("ge", "gt", "le", "lt", "min_length", "max_length"):
                if (value := getattr(part, name, None)) is not None:
                    limits[name] = value
    return limits


def _range_words(limits: dict[str, Any]) -> str:
    """Word the limits of a number: " from 1 to 65535", " above 0, up to 5", " of at least 1"."""
    least = f" from {_number(limits['ge'])}" if "ge" in limits else ""
    least = f" above {_number(limits['gt'])}," if "gt" in limits else least
    most = f" to {_number(limits['le'])}" if "le" in limits else ""
    most = f" to below {_number(limits['lt'])}" if "lt" in limits else most
    if least and most:
        return least + most.replace(" to ", " up to ") if "gt" in limits else least + most
    return least.replace(" from ", " of at least ") + most.replace(" to below ", " below ").replace(
        " to ", " of at most "
    )


def _length_words(limits: dict[str, Any], unit: str) -> str:
    """Word the limits of a length: " of 1 to 64 characters"."""
    least, most = limits.get("min_length") or None, limits.get("max_length")
    if least and most:
        return f" of {least} {unit}" if least == most else f" of {least} to {most} {unit}"
    if least:
        return ", not empty" if least == 1 else f" of at least {least} {unit}"
    return f" of at most {most} {unit}" if most else ""


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _members(annotation: object) -> tuple[Any, ...]:
    """Return the types of a union, or the one type; without None, and looking through Annotated."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(m for a in get_args(annotation) if a is not type(None) for m in _members(a))
    return (annotation,)


def _is_model(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
