"""The values that one parameter may take: drawn at random, or near to another one."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol, get_args, get_origin

from appliance.config_keys import limits

_BY_RATIO = 32
"""Numbers above 0 whose range spans this ratio or more are drawn evenly by their logarithm, as scales are."""

_TOO_FAR = 1e6
"""From this ratio on the low end is only what is not quite 0; the range is drawn evenly."""

_GRAINS = 1000
"""Numbers are rounded to about a thousandth of their range, so that people can read them."""


class Domain(Protocol):
    """What a parameter may be."""

    def draw(self, chance: random.Random) -> object:
        """Return any value."""

    def near(self, value: Any, step: float) -> list[object]:  # noqa: ANN401 - whatever the domain holds
        """Return other values around `value`, a share `step` (0..1) of the range away or next to it."""


@dataclass(frozen=True)
class Choice:
    """One of several values without order."""

    values: tuple[object, ...]

    def draw(self, chance: random.Random) -> object:
        """Return any of the values."""
        return chance.choice(self.values)

    def near(self, value: object, step: float) -> list[object]:  # noqa: ARG002 - nothing lies between
        """Return all other values."""
        return [other for other in self.values if other != value]


@dataclass(frozen=True)
class Number:
    """A number from `low` to `high`, both included; only whole ones if `whole`."""

    low: float
    high: float
    whole: bool

    def draw(self, chance: random.Random) -> object:
        """Return any number of the range."""
        return self._at(chance.random())

    def near(self, value: float, step: float) -> list[object]:
        """Return the numbers a step below and above, as far as the range has them."""
        place, grain = self._place(value), 1 if self.whole else 10.0**-self._digits
        lower = min(self._at(place - step), self._rounded(value - grain))
        higher = max(self._at(place + step), self._rounded(value + grain))
        return [number for number in (lower, higher) if number != value]

    @property
    def _digits(self) -> int:
        return max(0, math.ceil(-math.log10((self.high - self.low) / _GRAINS))) if self.high > self.low else 0

    @property
    def _by_ratio(self) -> bool:
        return self.low > 0 and _BY_RATIO <= self.high / self.low < _TOO_FAR

    def _place(self, value: float) -> float:
        """Return where in the range a value lies, 0..1."""
        if self._by_ratio:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low) if self.high > self.low else 0.0

    def _at(self, place: float) -> float:
        place = min(max(place, 0.0), 1.0)
        if self._by_ratio:
            return self._rounded(self.low * (self.high / self.low) ** place)
        return self._rounded(self.low + place * (self.high - self.low))

    def _rounded(self, value: float) -> float:
        kept = min(max(value, self.low), self.high)
        if self.whole:
            return round(kept)
        # Rounding must not leave a range whose ends have more digits.
        return min(max(round(kept, self._digits), self.low), self.high)


@dataclass(frozen=True)
class Row:
    """Several values in a row, each with a domain of its own."""

    items: tuple[Domain, ...]

    def draw(self, chance: random.Random) -> object:
        """Return a row of any values."""
        return tuple(item.draw(chance) for item in self.items)

    def near(self, value: Sequence[object], step: float) -> list[object]:
        """Return the rows that differ in one place."""
        return [
            (*value[:index], other, *value[index + 1 :])
            for index, item in enumerate(self.items)
            for other in item.near(value[index], step)
        ]


def domain(annotation: object, metadata: Sequence[object] = ()) -> Domain | None:
    """Return what a type with constraints may be; None for one that cannot be searched, as texts cannot."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return domain(args[0], (*args[1:], *metadata))
    if annotation is bool:
        return Choice((False, True))
    if origin is Literal:
        return Choice(args) if len(args) > 1 else None
    if origin is tuple and Ellipsis not in args:
        items = tuple(found for item in args if (found := domain(item)) is not None)
        return Row(items) if len(items) == len(args) else None
    if annotation is int or annotation is float:
        return _number(limits(metadata), whole=annotation is int)
    return None


def _number(found: dict[str, Any], *, whole: bool) -> Number | None:
    low, high = found.get("ge"), found.get("le")
    if low is None and "gt" in found:
        low = found["gt"] + 1 if whole else math.nextafter(found["gt"], math.inf)
    if high is None and "lt" in found:
        high = found["lt"] - 1 if whole else math.nextafter(found["lt"], -math.inf)
    return None if low is None or high is None else Number(low, high, whole)
