"""Puts pydantic's errors into words for people: the key, the value given, what it accepts."""

import difflib
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from appliance.config_keys import allowed, either, keys, kind_of, models_of, sections, toml

_LONGEST_VALUE = 60


@dataclass(frozen=True)
class _Place:
    """Where in the tree a fault is: the section's name and model, the key in it, its field if known."""

    section: str
    model: type[BaseModel]
    key: str
    field: FieldInfo | None

    @property
    def name(self) -> str:
        return f"{self.section}.{self.key}".lstrip(".")


def describe(error: ValidationError, tree: type[BaseModel]) -> list[str]:
    """Word the faults found in settings of the model `tree`, one per key."""
    worded: dict[str, str] = {}
    for detail in error.errors(include_url=False):
        place = _find(detail["loc"], tree)
        # A value that suits no member of a union, or an array with several wrong items, is one fault.
        worded.setdefault(place.name, _word(place, detail, tree))
    return list(worded.values())


def one_line(text: str) -> str:
    """Return the text with line ends and runs of blanks made single blanks."""
    return " ".join(text.split())


def _find(location: tuple[int | str, ...], tree: type[BaseModel]) -> _Place:
    """Follow a location down the tree; inside a union it names the member too, which is no part of a key."""
    place = _Place("", tree, "", None)
    models: tuple[type[BaseModel], ...] = (tree,)
    steps = list(location)
    while steps and models:
        key = str(steps.pop(0))
        place = _Place(place.name, models[0], key, models[0].model_fields.get(key))
        models = models_of(place.field) if place.field else ()
        if steps and place.field and place.field.discriminator:
            kind = steps.pop(0)
            models = tuple(m for m in models if place.field and kind_of(m, place.field.discriminator) == kind)
    return place


def _word(place: _Place, detail: ErrorDetails, tree: type[BaseModel]) -> str:
    name, field, context = place.name, place.field, detail.get("ctx", {})
    given = f"{'this' if _is_secret(field) else _shortened(detail['input'])} is not allowed"
    kind = f"{name}.kind"
    match detail["type"]:
        case "extra_forbidden":
            return f"{name}: is not a setting; {_meant(place, tree)}"
        case "missing" if not isinstance(detail["loc"][-1], int):
            return f"{name}: is missing; use {_use(place)}"
        case "union_tag_not_found":
            return f"{kind}: is missing; use {_kinds(field)}"
        case "union_tag_invalid":
            return f"{kind}: {_shortened(context['tag'])} is not allowed; use {_kinds(field)}"
        case "value_error":
            return f"{name}: {one_line(str(context['error']))}"
    return f"{name}: {given}; use {_use(place)}"


def _is_secret(field: FieldInfo | None) -> bool:
    """Whether the value must not be quoted: errors end in logs and on screens."""
    extra = None if field is None else field.json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("secret"))


def _use(place: _Place) -> str:
    if place.field is None:
        return "what docs/configuration.md says"
    models = models_of(place.field)
    if not models:
        return allowed(place.field)
    required = [key for key, field in models[0].model_fields.items() if field.is_required()]
    required = ["kind"] if len(models) > 1 else required
    return f"a section, [{place.name}]" + (f", with {' and '.join(required)}" if required else "")


def _meant(place: _Place, tree: type[BaseModel]) -> str:
    """Say what an unknown key may be meant for: one of another kind or section, or a slip of the pen."""
    if kinds := [key.kind for key in keys(tree) if key.name == place.name and key.kind]:
        return f"it belongs to {place.section}.kind = {either(toml(kind) for kind in kinds)}"
    known = [key.name for key in keys(tree)] + [name for name, _ in sections(tree)]
    beside = list(place.model.model_fields)
    meant = [name for name in known if name.rpartition(".")[2] == place.key]
    prefix = f"{place.section}." if place.section else ""
    meant += [prefix + key for key in difflib.get_close_matches(place.key, beside, n=1)]
    return f"did you mean {meant[0]}?" if meant else f"use one of {', '.join(beside)}"


def _kinds(field: FieldInfo | None) -> str:
    kinds = [kind_of(model, field.discriminator) for model in models_of(field)] if field else []
    return either(toml(kind) for kind in kinds)


def _shortened(value: object) -> str:
    text = toml(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
