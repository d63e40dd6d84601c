"""How far a variant's numbers are from those that count, over many readings."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean, median

from appliance.readings.reading import Reading

AGREEMENT = 0.05
"""Two leftovers that differ by no more than this agree."""

_LISTED = 5


@dataclass(frozen=True)
class WellComparison:
    """One compartment's mean leftovers by the settings that count (A) and the variant (B), 0..1.

    `apart` is the mean absolute difference, `agree` the share of trays on which both agree.
    """

    id: int
    trays: int
    a: float
    b: float
    apart: float
    agree: float


@dataclass(frozen=True)
class Unlike:
    """A tray on which both differ much: by `apart` in compartment `well`."""

    sequence: int
    captured_at: datetime
    well: int
    a: float
    b: float

    @property
    def apart(self) -> float:
        """How far apart they are, 0..1."""
        # Of numbers with four digits; without rounding, 0.8 and 0.75 would be further apart than 0.05.
        return round(abs(self.a - self.b), 4)


@dataclass(frozen=True)
class Comparison:
    """A variant against what counts, over the trays that both measured.

    `tray_a` and `tray_b` are the mean leftovers of whole trays, 0..1. `cost_ms` is what the variant took at
    the median; `unlike` are the trays to look at, worst first. Without trays all but `skipped` is 0.
    """

    name: str
    trays: int
    skipped: int
    tray_a: float
    tray_b: float
    wells: tuple[WellComparison, ...]
    cost_ms: float
    unlike: tuple[Unlike, ...]


def compare(readings: Iterable[Reading]) -> list[Comparison]:
    """Return a comparison of every variant that the readings tell of, in the order of their names."""
    by_name: dict[str, list[Reading]] = {}
    for reading in readings:
        if reading.variant is not None:
            by_name.setdefault(reading.variant.name, []).append(reading)
    return [_compare(name, by_name[name]) for name in sorted(by_name)]


def _compare(name: str, readings: Sequence[Reading]) -> Comparison:
    pairs = sorted(_pairs(readings), key=lambda pair: -pair.apart)
    both = [
        (reading.leftover, variant.leftover, variant.latency_ms)
        for reading in readings
        if (variant := reading.variant) is not None
        and reading.leftover is not None
        and variant.leftover is not None
    ]
    return Comparison(
        name=name,
        trays=len(both),
        skipped=len(readings) - len(both),
        tray_a=fmean(a for a, _, _ in both) if both else 0.0,
        tray_b=fmean(b for _, b, _ in both) if both else 0.0,
        wells=tuple(_well(id_, pairs) for id_ in sorted({pair.well for pair in pairs})),
        cost_ms=median(ms for _, _, ms in both) if both else 0.0,
        unlike=tuple(pair for pair in pairs[:_LISTED] if pair.apart > AGREEMENT),
    )


def _well(id_: int, pairs: Sequence[Unlike]) -> WellComparison:
    here = [pair for pair in pairs if pair.well == id_]
    return WellComparison(
        id=id_,
        trays=len(here),
        a=fmean(pair.a for pair in here),
        b=fmean(pair.b for pair in here),
        apart=fmean(pair.apart for pair in here),
        agree=fmean(pair.apart <= AGREEMENT for pair in here),
    )


def _pairs(readings: Iterable[Reading]) -> Iterator[Unlike]:
    """Yield every compartment that both measured."""
    for reading in readings:
        if reading.variant is None:
            continue
        b = {well.id: well.leftover for well in reading.variant.compartments}
        for well in reading.compartments:
            if well.id in b:
                yield Unlike(reading.sequence, reading.captured_at, well.id, well.leftover, b[well.id])
