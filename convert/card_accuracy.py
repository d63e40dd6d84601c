"""A card's chapters on accuracy: figures against the truth, and where they are worst."""

from collections.abc import Iterator, Mapping
from typing import Final

from convert.markdown import table

ERROR: Final = "error, points"
"""Mean absolute error of leftovers, of all wells of a source or of a part of them."""

_BETWEEN: Final = " / "
_SHOWN: Final = 5


def key(source: str, figure: str, part: str = "") -> str:
    """Return a figure's key in the manifest: its source, what it is, and of which part."""
    return _BETWEEN.join((source, figure, part) if part else (source, figure))


def accuracy(figures: Mapping[str, float]) -> Iterator[str]:
    """Yield a table of the figures, a column for each source."""
    found = {(source, rest): value for (source, rest), value in _split(figures)}
    sources = dict.fromkeys(source for source, _ in found)
    rows = (
        (figure, *(_number(found.get((source, figure))) for source in sources))
        for figure in dict.fromkeys(figure for _, figure in found)
    )
    yield from ("", "## Accuracy", "")
    yield "Points are hundredths of a full serving; errors are means of absolute errors. After a slash:"
    yield "of wells of that kind of dish, or on trays like that (`plain` ones have nothing in the way)."
    yield ""
    yield from table(("figure", *sources), rows)


def worst(figures: Mapping[str, float]) -> Iterator[str]:
    """Yield, source by source, which wells are measured worse than the mean, worst first."""
    told = list(_worst(figures))
    if told:
        yield from (*told, "")


def _worst(figures: Mapping[str, float]) -> Iterator[str]:
    for (source, figure), mean in _split(figures):
        if figure != ERROR:
            continue
        prefix = key(source, ERROR) + _BETWEEN
        parts = {
            name.removeprefix(prefix): value for name, value in figures.items() if name.startswith(prefix)
        }
        above = sorted((part for part in parts if parts[part] > mean), key=lambda part: -parts[part])
        if above:
            told = ", ".join(f"{part} {parts[part]:.1f}" for part in above[:_SHOWN])
            yield f"- {source}: {mean:.1f} points on average, but {told}"


def _split(figures: Mapping[str, float]) -> Iterator[tuple[tuple[str, str], float]]:
    for name, value in figures.items():
        source, between, figure = name.partition(_BETWEEN)
        yield (source, figure) if between else ("", source), value


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
