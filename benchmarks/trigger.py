"""Counts what the trigger makes of the simulated line, and times it: `python -m benchmarks.trigger -h`."""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np

from appliance.camera.frame import Frame, TrayTruth
from appliance.camera.settings import SimulatorSettings
from appliance.camera.simulation.script import scenes
from appliance.camera.simulator import SimulatedLine
from appliance.line.trigger import TrayEvent, Trigger, TriggerSettings

_WHOLE = 0.97
"""Share in view from which the truth calls a tray whole."""


@dataclass
class Count:
    """What a run gave.

    `sent` and `events` are trays by behaviour; `missed` are trays sent without event, `double` those with
    several, `false` events whose frame shows no whole tray in the event's place. `delays_s` run from the
    first whole frame of a tray to its event, `frame_ms` are the trigger's processor times.
    """

    sent: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    missed: dict[int, str] = field(default_factory=dict)
    double: dict[int, str] = field(default_factory=dict)
    false: list[float] = field(default_factory=list)
    delays_s: list[float] = field(default_factory=list)
    frame_ms: list[float] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        """All mistakes together."""
        return len(self.missed) + len(self.double) + len(self.false)


def behaviours(settings: SimulatorSettings, until_s: float) -> dict[int, str]:
    """Return the behaviour of every tray of a line up to a time."""
    found: dict[int, str] = {}
    for scene in scenes(settings):
        found |= {actor.tray: scene.behaviour for actor in scene.actors if actor.tray >= 0}
        if scene.end_s > until_s:
            return found
    return found


def shown(event: TrayEvent) -> TrayTruth | None:
    """Return the whole tray that an event's frame truly shows in the event's place, or None."""
    centre = np.mean(event.corners_px, axis=0)
    for truth in event.frame.truth:
        corners = np.asarray(truth.corners_px)
        reach = 0.15 * np.hypot(*(corners[1] - corners[0]))
        if truth.in_view_fraction >= _WHOLE and np.hypot(*(corners.mean(axis=0) - centre)) < reach:
            return truth
    return None


def frames_of(line: SimulatedLine, trays: int) -> Iterator[Frame]:
    """Yield frames until that many trays have passed and none is in view."""
    while True:
        frame = line.read(1.0)
        yield frame
        if len(line.trays_passed) >= trays and not frame.truth:
            return


def run(settings: SimulatorSettings, trays: int, *, size_known: bool = False) -> Count:
    """Feed a trigger with a simulated line until `trays` trays have passed."""
    line = SimulatedLine(settings.model_copy(update={"real_time": False}))
    px_per_mm = settings.width / settings.view_mm
    width_mm, height_mm = line.layout.tray_mm
    size = (width_mm * px_per_mm, height_mm * px_per_mm) if size_known else None
    trigger = Trigger(TriggerSettings(), size)
    count, events = Count(), []
    whole_s: dict[int, float] = {}
    opened_s: float | None = None
    frame = None
    with line:
        for frame in frames_of(line, trays):
            opened_s = frame.captured_s if opened_s is None else opened_s
            for truth in frame.truth:
                if truth.in_view_fraction >= 0.9995:
                    whole_s.setdefault(truth.tray, frame.captured_s)
            started = time.process_time()
            events += trigger.feed(frame)
            count.frame_ms.append(1000 * (time.process_time() - started))
        events += trigger.flush()
        sent = [truth.tray for truth in line.trays_passed]
    assert frame is not None
    assert opened_s is not None
    kinds = behaviours(settings, frame.captured_s - opened_s)
    count.sent.update(kinds[tray] for tray in sent)
    seen: Counter[int] = Counter()
    for event in events:
        count.reasons[event.reason] += 1
        truth_shown = shown(event)
        if truth_shown is None:
            count.false.append(event.frame.captured_s - opened_s)
            continue
        seen[truth_shown.tray] += 1
        count.events[kinds[truth_shown.tray]] += 1
        since_s = whole_s.get(truth_shown.tray, event.triggered_s)
        count.delays_s.append(event.triggered_s - since_s)
    at_s = {tray: whole_s[tray] - opened_s for tray in sent}
    count.missed = {tray: f"{kinds[tray]} at {at_s[tray]:.1f} s" for tray in sent if not seen[tray]}
    count.double = {
        tray: f"{kinds[tray]} at {whole_s[tray] - opened_s:.1f} s"
        for tray, times in seen.items()
        if times > 1
    }
    return count


def idle_ms(width: int = 1280, height: int = 960, frames: int = 300) -> list[float]:
    """Return the trigger's processor time for each frame of an empty, noisy belt."""
    nothing = dict.fromkeys(
        ("glide", "tailgate", "belt_stop", "set_down", "nudge", "stay", "hand", "napkin", "lamps"), 0.0
    )
    settings = SimulatorSettings.model_validate(
        {"width": width, "height": height, "real_time": False, "empty": 1.0, **nothing}
    )
    trigger = Trigger(TriggerSettings())
    taken = []
    with SimulatedLine(settings) as line:
        for _ in range(frames):
            frame = line.read(1.0)
            started = time.process_time()
            trigger.feed(frame)
            taken.append(1000 * (time.process_time() - started))
    return taken


def _figures(values: list[float]) -> dict[str, float]:
    if not values:
        return {}
    p50, p95, p99 = np.percentile(values, [50, 95, 99])
    return {"p50": round(float(p50), 2), "p95": round(float(p95), 2), "p99": round(float(p99), 2)}


def main() -> int:
    """Run the benchmark; exit 1 if a tray was missed, counted twice, or made up."""
    parser = argparse.ArgumentParser(description="Count the trigger's events on the simulated line.")
    parser.add_argument("--trays", type=int, default=200, help="trays to send (default 200)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the line (default 1)")
    parser.add_argument("--per-minute", type=float, default=60, help="pace of the line (default 60)")
    parser.add_argument("--fps", type=float, default=10, help="frames per second (default 10)")
    parser.add_argument("--belt", choices=("dark", "light"), default="dark", help="what trays lie on")
    parser.add_argument("--tray", default="steel-5", help="tray type of the simulator (default steel-5)")
    parser.add_argument("--width", type=int, default=640, help="width of the frames, 4:3 (default 640)")
    parser.add_argument("--tilt", type=float, default=0, help="tilt of the camera in degrees (default 0)")
    parser.add_argument("--size-known", action="store_true", help="give the trigger the tray's size")
    parser.add_argument("--idle", action="store_true", help="only time an empty belt at 1280x960")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    if chosen.idle:
        taken = idle_ms()
        mean = sum(taken) / len(taken)
        report = {
            "idle_ms": {"mean": round(mean, 2), **_figures(taken)},
            "core_share_at_10_fps": round(mean / 100, 4),
        }
        print(json.dumps(report) if chosen.json else _text(report))
        return 0
    settings = SimulatorSettings.model_validate(
        {
            "seed": chosen.seed,
            "trays_per_minute": chosen.per_minute,
            "fps": chosen.fps,
            "belt": chosen.belt,
            "tray": chosen.tray,
            "width": chosen.width,
            "height": chosen.width * 3 // 4,
            "tilt_deg": chosen.tilt,
        }
    )
    count = run(settings, chosen.trays, size_known=chosen.size_known)
    report = {
        "trays": count.sent.total(),
        "events": count.events.total() + len(count.false),
        "missed": len(count.missed),
        "double": len(count.double),
        "false": len(count.false),
        "by_behaviour": {kind: {"sent": n, "events": count.events[kind]} for kind, n in count.sent.items()},
        "reasons": dict(count.reasons),
        "delay_s": _figures(count.delays_s),
        "frames": len(count.frame_ms),
        "frame_ms": _figures(count.frame_ms),
        "mistakes": {
            "missed": {str(tray): what for tray, what in count.missed.items()},
            "double": {str(tray): what for tray, what in count.double.items()},
            "false_at_s": [round(at, 1) for at in count.false],
        },
    }
    print(json.dumps(report) if chosen.json else _text(report))
    return 1 if count.wrong else 0


def _text(report: dict[str, object]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in report.items())


if __name__ == "__main__":
    sys.exit(main())
