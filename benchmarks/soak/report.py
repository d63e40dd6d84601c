"""A soak in figures: one JSON object, or text for people."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Final

from benchmarks.soak.availability import OfAKind, Projection, by_kind, down_spans, lasting_s, project
from benchmarks.soak.conduct import Played
from benchmarks.soak.line_report import LineReport, line_report
from benchmarks.soak.samples import Growth, growth

ASKED_RECOVERY_S: Final = {"networks": 3.0, "camera": 10.0, "broker": 5.0, "network": 5.0}
"""What the 95th percentile of recovery may be, by the first word of a fault's kind."""

MOST_MB_PER_H: Final = 2.0


@dataclass(frozen=True)
class Report:
    """What came of a soak; shares are 0..1. `lost` are readings that were stored and never arrived."""

    minutes: float
    faults: int
    service_up: float
    line_seen: float
    line: LineReport
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
        return asdict(self) | {"tray_availability": self.line.availability}

    def as_text(self) -> str:
        """Return lines for people."""
        line, growth_ = self.line, self.growth
        lines = [
            f"{self.minutes:.1f} minutes, {self.faults} faults, {self.starts} starts of the service",
            f"service up      {self.service_up:9.4%} of the time",
            f"line seen       {self.line_seen:9.4%} of the time",
            f"trays in time   {line.availability:9.4%}: {line.read} of {line.trays}",
            f"  unread        {line.blind} while the camera was away, {line.missed} missed",
            f"  otherwise     {line.rejected} rejected, {line.late} late; {line.reasons}",
            f"readings        {self.readings}: {self.lost} lost, {self.given_up} given up",
            f"  repeated      {self.doubles} arrived twice, {line.twice} of a tray read before",
            f"  otherwise     {line.strays} of no tray; by path {line.paths}",
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
            f" rates that availability.py assumes: {self.projection.availability:.4%}"
        )
        lines += [f"failed: {failure}" for failure in self.failures()]
        return "\n".join(lines)


def report(played: Played) -> Report:
    """Work out the figures."""
    down, unseen = down_spans(played.beats, played.from_s, played.to_s)
    span_s = played.to_s - played.from_s
    received = list(played.received.readings.values())
    kinds = by_kind(played.overcome, unseen, played.to_s)
    return Report(
        minutes=span_s / 60,
        faults=len(played.overcome),
        service_up=1 - lasting_s(down) / span_s,
        line_seen=1 - lasting_s(unseen) / span_s,
        line=line_report(played.passages, received, played.steps, played.started_s, unseen),
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


def _lost(played: Played) -> int:
    """Count what is missing: numbers without a reading up to the last one stored, whoever forgot it."""
    numbers = {one.sequence for one in played.received.readings.values()}
    stored = {one.sequence for one in played.stored}
    return len(set(range(1, max(numbers | stored, default=0) + 1)) - numbers)
