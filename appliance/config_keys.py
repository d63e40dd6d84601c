"""The keys of a settings tree: names, what they accept in words, defaults; for errors and the reference."""

import json
import types
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types as at
from pydantic import BaseModel
from pydantic.fields import FieldInfo

_PLAIN: dict[object, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
}


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
    def many_lines(self) -> bool:
        """Whether the value may have line ends, as certificates do: `json_schema_extra={"lines": True}`."""
        extra = self.field.json_schema_extra
        return isinstance(extra, dict) and bool(extra.get("lines"))

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


def limits(metadata: Iterable[object]) -> dict[str, Any]:
    """Return a type's or field's constraints by their names: ge, gt, le, lt, min_length, max_length."""
    found: dict[str, Any] = {}
    for item in metadata:
        if isinstance(item, FieldInfo):
            found |= limits(item.metadata)
        for part in item if isinstance(item, at.GroupedMetadata) else (item,):
            for name in ("ge", "gt", "le", "lt", "min_length", "max_length"):
                if (value := getattr(part, name, None)) is not None:
                    found[name] = value
    return found


def toml(value: object) -> str:
    """Write a plain value, path or tuple as TOML on one line."""
    match value:
        case Path():
            return json.dumps(value.as_posix(), ensure_ascii=False)
        case tuple() | list():
            return "[" + ", ".join(toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False, default=str)


def either(choices: Iterable[str]) -> str:
    """List the distinct choices in words: "a, b or c"."""
    *others, last = dict.fromkeys(choices)
    return f"{', '.join(others)} or {last}" if others else last


def _words(annotation: object, metadata: Sequence[object]) -> str:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _words(args[0], (*args[1:], *metadata))
    if origin is Literal:
        return either(toml(choice) for choice in args)
    if origin in (Union, types.UnionType):
        return either(_words(member, metadata) for member in args if member is not type(None))
    if origin is tuple:
        return "[" + ", ".join(_words(item, ()) for item in args) + "]"
    return _PLAIN.get(annotation, "a value") + _limit_words(limits(metadata))


def _limit_words(found: dict[str, Any]) -> str:
    """Word the limits of a number or a text; settings have two of them, so that every value is thought of."""
    match found:
        case {"ge": least, "le": most}:
            return f" from {_number(least)} to {_number(most)}"
        case {"gt": least, "le": most}:
            return f" above {_number(least)}, up to {_number(most)}"
        case {"min_length": least, "max_length": most}:
            return f" of {least} to {most} characters"
        case {"min_length": 1}:
            return ", not empty"
    return ""


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
