"""Errors of leftovers: pure functions on lists of wells."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from appliance.estimate.estimate import Estimate
from convert.evaluate.estimators import Column
from convert.evaluate.result import Clean, Errors, Volumes
from convert.evaluate.trays import PLAIN, Kind, WellTruth

CLEAN: Final = 0.02
"""Wells of which less is left are clean: a film and a few grains."""

_FIRST: Final = ("rice", "liquid", "solid", PLAIN)


@dataclass(frozen=True)
class Row:
    """One well of one tray: what is true, and what every column's estimator reads."""

    source: str
    set_up: str
    tray: str
    complications: tuple[str, ...]
    well: WellTruth
    read: Mapping[Column, Estimate]

    @property
    def kind(self) -> Kind:
        """Return the kind of dish that was served."""
        return self.well.kind

    def error(self, column: Column) -> float:
        """Return read minus true, -1..1."""
        return self.read[column].leftover - self.well.leftover


def volumes(rows: Sequence[Row], column: Column) -> Volumes:
    """Return one estimator's figures of all rows; raises ValueError without rows."""

    def by(key: Callable[[Row], Iterable[str]]) -> dict[str, Errors]:
        groups: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            for name in key(row):
                groups[name].append(row)
        return {
            name: well_errors(group, column)
            for name, group in sorted(groups.items(), key=lambda item: _place(item[0]))
        }

    return Volumes(
        run=column.run,
        estimator=column.estimator,
        wells=well_errors(rows, column),
        trays=tray_errors(rows, column),
        clean=clean_readings(rows, column),
        by_kind=by(lambda row: [row.kind]),
        by_complication=by(lambda row: row.complications),
        by_state=by(lambda row: [row.well.state]),
        by_set_up=by(lambda row: [row.set_up]),
    )


def _place(name: str) -> tuple[int, str]:
    """Order kinds as on the tray, and what is plain before what is not; the rest by name."""
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST)), name


def well_errors(rows: Sequence[Row], column: Column) -> Errors:
    """Return the errors of wells; each counts alike."""
    return errors([row.error(column) for row in rows], [row.read[column].uncertainty for row in rows])


def tray_errors(rows: Sequence[Row], column: Column) -> Errors:
    """Return the errors of whole trays, each the mean of its wells' weighed by their full servings."""
    return errors(list(error_by_tray(rows, column).values()))


def error_by_tray(rows: Sequence[Row], column: Column) -> dict[str, float]:
    """Return read minus true of whole trays, by name, in order of appearance."""
    weighed: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        weighed[row.tray].append((row.error(column) * row.well.full_cm3, row.well.full_cm3))
    sums = {tray: np.sum(parts, axis=0) for tray, parts in weighed.items()}
    return {tray: float(error / max(full, 1e-9)) for tray, (error, full) in sums.items()}


def clean_readings(rows: Sequence[Row], column: Column) -> Clean | None:
    """Return what clean wells read; None where there is none."""
    read = 100 * np.array([row.read[column].leftover for row in rows if row.well.leftover < CLEAN])
    if not read.size:
        return None
    return Clean(
        count=read.size,
        mean=float(read.mean()),
        p95=float(np.percentile(read, 95)),
        at_most_2=float((read <= 2).mean()),
    )


def errors(off: Sequence[float], sigma: Sequence[float] | None = None) -> Errors:
    """Return the figures of errors `off` (N,), -1..1, and of their stated standard deviations `sigma` (N,).

    Raises ValueError without any.
    """
    if not off:
        raise ValueError("no errors to count")
    points = 100 * np.asarray(off, np.float64)
    size = np.abs(points)
    # A billionth more: 0.35 - 0.3 is not to miss the 5 points by its last bit.
    slack = 1e-7
    within = {1: None, 2: None} if sigma is None else _coverage(size, 100 * np.asarray(sigma) + slack)
    return Errors(
        count=len(points),
        mae=float(size.mean()),
        bias=float(points.mean()),
        within_5=float((size <= 5 + slack).mean()),
        within_10=float((size <= 10 + slack).mean()),
        within_1_sigma=within[1],
        within_2_sigma=within[2],
    )


def _coverage(size: np.ndarray, sigma: np.ndarray) -> dict[int, float | None]:
    return {times: float((size <= times * sigma).mean()) for times in (1, 2)}
