"""TOML out of a file that anybody may have edited, within bounded time and depth."""

import tomllib
from collections.abc import Callable
from typing import Any, Final

_MOST_DOTS: Final = 1000
"""On one line. The time and memory for a dotted key, a.a.a…, grow with the square of its length."""

_DEEPEST: Final = 100

_MOST_BITS: Final = 1000
"""Of a whole number; a hexadecimal one may be so long that Python refuses to write it in decimals."""


def parse_toml(text: str, parse_float: Callable[[str], Any] = float) -> dict[str, Any]:
    """Return the tables of a text; raises `tomllib.TOMLDecodeError`, or `ValueError` where there is no place.

    What comes back can be walked through and written out: it nests at most 100 deep.
    """
    if any(line.count(".") > _MOST_DOTS for line in text.split("\n")):
        raise ValueError(f"a line has more than {_MOST_DOTS} points")
    try:
        data = tomllib.loads(text, parse_float=parse_float)
    except RecursionError:
        raise ValueError("it nests too deep") from None
    level: list[Any] = [data]
    for _ in range(_DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
        if any(isinstance(value, int) and value.bit_length() > _MOST_BITS for value in level):
            raise ValueError("a whole number is far too long")
    if level:
        raise ValueError("it nests too deep")
    return data


def _inside(value: object) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
