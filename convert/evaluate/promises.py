"""The figures that the models are to reach, and whether they do."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from convert.evaluate.estimators import DEPTH, READING
from convert.evaluate.networks import FLOAT, INT8
from convert.evaluate.result import OnSource, Promise, SourceResult, Volumes

_LARGEST_LOSS: Final = 1.0
"""Points (hundredths) that int8 may lose against float."""


_Value = Callable[[SourceResult, str], float | None]
"""A figure of a run on a source, in points or per cent; None where the source does not tell it."""


@dataclass(frozen=True)
class _Figure:
    source: str
    what: str
    value: _Value
    limit: float
    at_least: bool = False


def _volume(estimator: str) -> _Value:
    def value(source: SourceResult, run: str) -> float | None:
        return _volumes(source, run, estimator).wells.mae

    return value


def _clean(source: SourceResult, run: str) -> float | None:
    clean = _volumes(source, run, READING).clean
    return None if clean is None else clean.mean


def _miou(source: SourceResult, run: str) -> float | None:
    segmentation = _networks(source, run).segmentation
    return None if segmentation is None else 100 * segmentation.miou


def _food_kind(source: SourceResult, run: str) -> float | None:
    segmentation = _networks(source, run).segmentation
    return None if segmentation is None else 100 * segmentation.food_kind


_FIGURES: Final = (
    _Figure("synthetic", "segmentation, mean IoU, %", _miou, 85, at_least=True),
    _Figure("synthetic", "food pixels given their kind, %", _food_kind, 94.7, at_least=True),
    _Figure("synthetic", "depth alone, mean absolute error", _volume(DEPTH), 6),
    _Figure("synthetic", "reading, mean absolute error", _volume(READING), 5),
    _Figure("synthetic", "clean wells read", _clean, 2),
    _Figure("rendered", "reading, mean absolute error", _volume(READING), 5),
    _Figure("rendered", "clean wells read", _clean, 2),
    _Figure("photographs", "reading, mean absolute error", _volume(READING), 10),
)


def promises(sources: Sequence[SourceResult], runs: Sequence[str]) -> tuple[Promise, ...]:
    """Return what was promised of these sources, for each run, and of int8 against float."""
    found: list[Promise] = []
    for figure in _FIGURES:
        for source in sources:
            if source.name == figure.source:
                found += _of_runs(figure, source, runs)
    return tuple(found)


def _of_runs(figure: _Figure, source: SourceResult, runs: Sequence[str]) -> Iterator[Promise]:
    values = {run: figure.value(source, run) for run in runs}
    for run, value in values.items():
        if value is not None:
            yield _promise(figure.source, figure.what, run, value, figure.limit, at_least=figure.at_least)
    exact, rough = values.get(FLOAT), values.get(INT8)
    if exact is not None and rough is not None:
        lost = exact - rough if figure.at_least else rough - exact
        yield _promise(figure.source, f"{figure.what}: lost against {FLOAT}", INT8, lost, _LARGEST_LOSS)


def _promise(
    source: str, what: str, run: str, value: float, limit: float, *, at_least: bool = False
) -> Promise:
    kept = value >= limit if at_least else value <= limit
    return Promise(source=source, what=what, run=run, value=value, limit=limit, at_least=at_least, kept=kept)


def _volumes(source: SourceResult, run: str, estimator: str) -> Volumes:
    return next(one for one in source.volumes if (one.run, one.estimator) == (run, estimator))


def _networks(source: SourceResult, run: str) -> OnSource:
    return next(one for one in source.networks if one.run == run)
