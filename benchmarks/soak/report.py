"""A soak in figures: one JSON object, or text for people."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from benchmarks.soak.availability import OfAKind, Projection, by_kind, down_spans, lasting_s, project
from benchmarks.soak.conduct import Played
from benchmarks.soak.line_report import LineReport, line_report
from benchmarks.soak.plan import OF_THE_SERVICE
from benchmarks.soak.samples import Growth, growth


@dataclass(frozen=True)
class Uptime:
    """How well the line was watched over a time; shares are 0..1 of it."""

    minutes: float
    faults: int
    service_up: float
    line_seen: float
    line: LineReport

    def as_text(self, name: str) -> list[str]:
        """Return lines for people."""
        line = self.line
        return [
            f"{name}: {self.minutes:.1f} minutes, {self.faults} faults",
            f"  service up      {self.service_up:9.4%} of the time",
            f"  line seen       {self.line_seen:9.4%} of the time",
            f"  trays in time   {line.availability:9.4%}: {line.read} of {line.trays}; {line.paths}",
            f"  unread          {line.blind} while the camera was away, {line.missed} missed",
            f"  besides         {line.rejected} rejected, {line.late} late; {line.reasons}",
            f"  too many        {line.twice} of a tray read before, {line.strays} of no tray",
        ]


@dataclass(frozen=True)
class Report:
    """What came of a soak. `lost` are readings that were stored and never arrived.

    `gentle` is the time before the first fault that ends the service.
    """

    whole: Uptime
    gentle: Uptime
    recovery: dict[str, OfAKind]
    readings: int
    lost: int
    given_up: int
    doubles: int
    out_of_order: int
    invalid: list[str]
    starts: int
    starved: int
    exit_status: int | None
    growth: Growth | None
    projection: Projection

    def failures(self) -> Iterator[str]:
        """Yield what must not be, however short the soak and however slow the machine."""
        if self.lost or self.given_up:
            yield f"{self.lost} readings lost, {self.given_up} given up"
        if self.invalid:
            yield f"{len(self.invalid)} messages are not valid, such as {self.invalid[0]}"
        for kind, of in self.recovery.items():
            if of.not_recovered:
                yield f"{kind}: {of.not_recovered} of {of.count} not recovered"
        if self.exit_status != 0:
            yield f"the service ended with status {self.exit_status}"

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    def as_text(self) -> str:
        """Return lines for people."""
        growth_ = self.growth
        lines = self.whole.as_text("all")
        if self.gentle.minutes < self.whole.minutes:
            lines += self.gentle.as_text("before the first fault that ends the service")
        lines += [
            f"readings: {self.readings}, {self.lost} lost, {self.given_up} given up",
            f"  arrivals        {self.doubles} came twice, {self.out_of_order} after a later one",
            f"  service         {self.starts} starts, {self.starved} times ended by its watchdog",
            "recovery in s     count    p50    p95   most  not   unseen",
        ]
        lines += [
            f"  {kind:16}{of.count:5}{of.p50_s:7.2f}{of.p95_s:7.2f}{of.most_s:7.2f}{of.not_recovered:5}"
            f"{of.unseen_s:9.2f}"
            for kind, of in self.recovery.items()
        ]
        if growth_ is not None:
            lines.append(
                f"growth in {growth_.hours:.2f} h: memory {growth_.memory_mb_per_h:+.2f} MB/h of"
                f" {growth_.memory_mb:.0f} MB (others {growth_.children_mb:.0f} MB), descriptors"
                f" {growth_.descriptors_per_h:+.2f}/h ({growth_.descriptors_first:.0f} →"
                f" {growth_.descriptors_last:.0f}), threads {growth_.threads_per_h:+.2f}/h"
            )
        lines.append(
            f"projection: {self.projection.minutes_down:.0f} minutes in six months without measuring, by the"
            f" assumed rates of docs/recovery.md: {self.projection.availability:.4%}"
        )
        lines += [f"failed: {failure}" for failure in self.failures()]
        return "\n".join(lines)


def report(played: Played) -> Report:
    """Work out the figures."""
    _, unseen = down_spans(played.beats, played.from_s, played.to_s)
    received = list(played.received.readings.values())
    kinds = by_kind(played.overcome, unseen, played.to_s)
    fatal = (one.began_s for one in played.overcome if one.fault.kind in OF_THE_SERVICE)
    return Report(
        whole=_uptime(played, played.to_s),
        gentle=_uptime(played, next(fatal, played.to_s)),
        recovery={str(kind): of for kind, of in kinds.items()},
        readings=len(received),
        lost=_lost(played),
        given_up=played.lost_by_store,
        doubles=sum(times - 1 for times in played.received.times.values()),
        out_of_order=sum(after.sequence < before.sequence for before, after in pairwise(received)),
        invalid=played.received.invalid,
        starts=played.starts,
        starved=played.starved,
        exit_status=played.exit_status,
        growth=growth(played.samples),
        projection=project(kinds),
    )


def _uptime(played: Played, to_s: float) -> Uptime:
    down, unseen = down_spans(played.beats, played.from_s, to_s)
    span_s = to_s - played.from_s
    return Uptime(
        minutes=span_s / 60,
        faults=sum(one.began_s < to_s for one in played.overcome),
        service_up=1 - lasting_s(down) / span_s,
        line_seen=1 - lasting_s(unseen) / span_s,
        line=line_report(
            [one for one in played.passages if played.started_s + one.last_s <= to_s],
            played.received.readings.values(),
            played.steps,
            played.started_s,
            unseen,
        ),
    )


def _lost(played: Played) -> int:
    """Count what is missing: numbers without a reading up to the last one stored, whoever forgot it."""
    numbers = {one.sequence for one in played.received.readings.values()}
    stored = {one.sequence for one in played.stored}
    return len(set(range(1, max(numbers | stored, default=0) + 1)) - numbers)
