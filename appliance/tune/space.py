"""All settings that a search may try: the fields of a settings model, each with its own values."""

import random
from collections.abc import Collection, Iterator, Mapping
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from appliance.tune.domain import Domain, domain

M = TypeVar("M", bound=BaseModel)

_DRAWS = 100
"""Draws after which a model is taken to refuse whatever can be drawn."""


class Space(Generic[M]):
    """The settings around `base`: fields that cannot be searched keep its values.

    A field may say that it has a meaning only beside certain values of others, by
    `json_schema_extra={"when": {"method": "study"}}`; where it has none it keeps the base's value, so that
    settings which measure the same are the same settings.
    """

    def __init__(self, base: M, keep: Collection[str] = ()) -> None:
        """Take the base, and the names of fields that keep its values although they could be searched."""
        self.base = base
        fields = type(base).model_fields
        self._when = {name: _when(field) for name, field in fields.items()}
        self._domains = {
            name: found
            for name, field in fields.items()
            if name not in keep and (found := _domain(field)) is not None
        }

    def searched(self, settings: M) -> list[str]:
        """Return the names of the parameters that can be searched and mean something in `settings`."""
        values = _values(settings)
        return [name for name in self._domains if self._applies(name, values)]

    def meaningful(self, settings: M) -> dict[str, object]:
        """Return the values of `settings` that mean something, by name; without those that are not set."""
        values = _values(settings)
        return {
            name: value for name, value in values.items() if value is not None and self._applies(name, values)
        }

    def draw(self, chance: random.Random) -> M:
        """Return any settings; raises ValueError where the model refuses all that is drawn."""
        for _ in range(_DRAWS):
            drawn = {name: found.draw(chance) for name, found in self._domains.items()}
            settings = self._settings({**_values(self.base), **drawn})
            if settings is not None:
                return settings
        raise ValueError(f"{type(self.base).__name__} refuses its own ranges")

    def near(self, settings: M, name: str, step: float) -> Iterator[M]:
        """Yield settings that differ from `settings` in one parameter by about `step` of its range (0..1)."""
        values = _values(settings)
        for value in self._domains[name].near(values[name], step):
            changed = self._settings({**values, name: value})
            if changed is not None and changed != settings:
                yield changed

    def _settings(self, values: dict[str, object]) -> M | None:
        base = _values(self.base)
        kept = {name: value if self._applies(name, values) else base[name] for name, value in values.items()}
        try:
            return type(self.base).model_validate(kept)
        except ValidationError:
            return None

    def _applies(self, name: str, values: Mapping[str, object]) -> bool:
        return all(values[other] == value for other, value in self._when[name].items())


def _values(settings: BaseModel) -> dict[str, object]:
    return {name: getattr(settings, name) for name in type(settings).model_fields}


def _domain(field: FieldInfo) -> Domain | None:
    return domain(field.annotation, field.metadata)


def _when(field: FieldInfo) -> Mapping[str, object]:
    extra = field.json_schema_extra
    when = extra.get("when", {}) if isinstance(extra, dict) else {}
    return when if isinstance(when, dict) else {}
