"""When the appliance was up, and when it saw the line, by its beats."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from benchmarks.soak.beats import Beat
from benchmarks.soak.faults import Overcome
from benchmarks.soak.plan import Kind

STALE_S: Final = 0.5
"""From here on a beat, or the last true frame, is too old: five frames at ten a second."""

Spans = list[tuple[float, float]]


def down_spans(beats: Sequence[Beat], from_s: float, to_s: float) -> tuple[Spans, Spans]:
    """Return the spans without the service, and those without a true frame, in monotonic seconds.

    An outage begins with the last sign of life, not when its absence is noticed; the second kind includes the
    first.
    """
    within = [beat for beat in beats if from_s <= beat.at_s <= to_s]
    alive = [from_s, *(beat.at_s for beat in within), to_s]
    frames = sorted({from_s, *(beat.frame_s for beat in within if from_s <= beat.frame_s), to_s})
    return _gaps(alive), _gaps(frames)


def _gaps(moments: Sequence[float]) -> Spans:
    return [(before, after) for before, after in pairwise(moments) if after - before > STALE_S]


def lasting_s(spans: Spans) -> float:
    """Return the sum of their lengths."""
    return sum(to_s - from_s for from_s, to_s in spans)


@dataclass(frozen=True)
class OfAKind:
    """All faults of a kind: how many, seconds to recovery, those not recovered, and seconds down for each.

    `unseen_s` are those without a true frame, on average, from the fault to the next one's beginning.
    """

    count: int
    p50_s: float
    p95_s: float
    most_s: float
    not_recovered: int
    unseen_s: float


def by_kind(overcome: Sequence[Overcome], unseen: Spans, to_s: float) -> dict[Kind, OfAKind]:
    """Sum up by kind of fault; percentiles by nearest rank, so that of few the slowest counts."""
    ends = [*(one.began_s for one in overcome), to_s][1:]
    table: dict[Kind, list[tuple[Overcome, float]]] = {}
    for one, end_s in zip(overcome, ends, strict=True):
        table.setdefault(one.fault.kind, []).append((one, _share(unseen, one.began_s, end_s)))
    return {kind: _of_a_kind(entries) for kind, entries in sorted(table.items())}


def _of_a_kind(entries: Sequence[tuple[Overcome, float]]) -> OfAKind:
    times = [one.recovered_s for one, _ in entries if one.recovered_s is not None]
    p50_s, p95_s, most_s = (
        np.percentile(times, [50, 95, 100], method="inverted_cdf") if times else [float("nan")] * 3
    )
    return OfAKind(
        count=len(entries),
        p50_s=float(p50_s),
        p95_s=float(p95_s),
        most_s=float(most_s),
        not_recovered=len(entries) - len(times),
        unseen_s=sum(seconds for _, seconds in entries) / len(entries),
    )


def _share(spans: Spans, from_s: float, to_s: float) -> float:
    return sum(max(0.0, min(to_s, end) - max(from_s, start)) for start, end in spans)


@dataclass(frozen=True)
class Projection:
    """Six months: minutes without measuring, and the share (0..1) of time that is left."""

    minutes_down: float
    availability: float
    minutes_by_kind: Mapping[str, float]


HALF_A_YEAR_MIN: Final = 182.5 * 24 * 60

EXPECTED: Final[Mapping[Kind, float]] = {
    "camera frozen": 26,
    "camera silent": 26,
    "camera crash": 26,
    "camera black": 6,
    "camera unplugged": 2,
    "networks abort": 730,
    "networks stopped": 730,
    "broker restart": 26,
    "network cut": 182,
    "network reset": 182,
    "disk full": 2,
    "clock step": 26,
    "heat": 30,
    "under-voltage": 30,
    "service killed": 26,
    "service stopped": 6,
}
"""Assumed: how often a fault comes in half a year. A camera's faults once a week each, an Edge TPU that
stalls every six hours (frigate #7764) and aborts as often, the network away once a day, a crash of the
service once a week: what the worst reports from the field have, not what a good box has."""

REBOOTS: Final = 12
REBOOT_S: Final = 90.0
"""Assumed, not measured here: a power cut or an update twice a month, and what a Pi takes from power to the
first tray (45 s for an emulated boot, doubled)."""


def project(kinds: Mapping[Kind, OfAKind]) -> Projection:
    """Return what the seconds measured for each kind make of half a year at the assumed rates."""
    minutes = {str(kind): EXPECTED[kind] * of.unseen_s / 60 for kind, of in kinds.items()}
    minutes["reboots"] = REBOOTS * REBOOT_S / 60
    down = sum(minutes.values())
    return Projection(down, 1 - down / HALF_A_YEAR_MIN, minutes)
