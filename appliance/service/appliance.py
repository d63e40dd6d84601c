"""The running appliance: threads for the line and the measuring, and what keeps them honest."""

import logging
import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from appliance.budget import Budget
from appliance.camera.frame import FrameSource
from appliance.clock import Clock, Deadline
from appliance.errors import InferenceError
from appliance.health.endpoint import Endpoint
from appliance.health.exposition import exposition
from appliance.health.latency import LatencyWatch
from appliance.health.message import Health
from appliance.health.metrics import metrics
from appliance.line.trigger import TrayEvent, Trigger
from appliance.publish.client import Publisher
from appliance.readings.clock_floor import ClockFloor
from appliance.readings.reading import Draft, Origin
from appliance.readings.resilient import ResilientStore
from appliance.service.health_report import About, Activity, HealthCollector, HealthReport
from appliance.service.intake import Intake
from appliance.service.meals import Meals
from appliance.service.pipeline import MeasuredTray, TrayMeasurer, rejected
from appliance.service.recorder import Recorder
from appliance.service.remote_control import RemoteControl
from appliance.service.stages import Stages
from appliance.service.surroundings import Surroundings
from appliance.service.variant import Shade

_LOG = logging.getLogger(__name__)

_IDLE_S = 1.0
"""How often an idle measuring thread looks whether readings wait to be stored."""


@dataclass(frozen=True)
class Parts:
    """What the appliance is made of, each already configured."""

    camera: FrameSource
    trigger: Trigger
    measurer: TrayMeasurer
    store: ResilientStore
    clock_floor: ClockFloor
    publisher: Publisher
    origin: Origin
    surroundings: Surroundings
    about: About
    meals: Meals
    shade: Shade | None = None
    remote: RemoteControl | None = None
    revive_camera: Callable[[], bool] | None = None


class Appliance:
    """Camera → trigger → queue → measure → store → broker.

    `on_tray` sees every measured tray together with its picture (the overlay is drawn there); it runs after
    the reading is stored, and whatever it raises is logged and forgotten.
    """

    def __init__(
        self,
        parts: Parts,
        budget: Budget,
        clock: Clock,
        *,
        queue_trays: int,
        health_interval_s: float,
        metrics_port: int = 0,
        on_tray: Callable[[TrayEvent, MeasuredTray], None] | None = None,
    ) -> None:
        self._parts = parts
        self._budget = budget
        self._clock = clock
        self._latency = LatencyWatch()
        self._collector = HealthCollector(
            parts.about, parts.surroundings, parts.store, parts.publisher, clock
        )
        self._report = HealthReport(
            self._collector.collect, parts.surroundings, parts.publisher, clock, health_interval_s
        )
        self._endpoint = (
            Endpoint(metrics_port, lambda: exposition(metrics(self.health())), self.unable)
            if metrics_port
            else None
        )
        self.measured = 0
        self._on_tray = on_tray
        self._trays: queue.Queue[TrayEvent] = queue.Queue(queue_trays)
        self._recorder = Recorder(parts.store)
        self._intake = Intake(
            parts.camera,
            parts.trigger,
            self._trays,
            overflowing=self._overflow,
            budget=budget,
            clock=clock,
            revive=parts.revive_camera,
        )
        self._stop = threading.Event()
        self._busy: tuple[str, float] | None = None
        self._started_s = clock.monotonic_s()
        self._threads: list[threading.Thread] = []
        self.failure: str | None = None
        self.overflowed = 0
        self.late = 0
        self.paths: Counter[str] = Counter()
        self._info: dict[str, object] = {}

    def start(self) -> None:
        """Start measuring; returns at once."""
        self._started_s = self._clock.monotonic_s()
        self._parts.surroundings.look()
        self._say_what_it_is()
        if self._parts.remote is not None:
            self._parts.remote.start(self._parts.publisher.wake)
        self._parts.publisher.start()
        if self._endpoint is not None:
            self._endpoint.start()
        for name, work in (("line", self._watch_line), ("measure", self._measure_trays)):
            thread = threading.Thread(target=self._guard, args=(name, work), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Finish the tray in hand, store it, release the camera and say goodbye to the broker."""
        self._stop.set()
        deadline = Deadline.after(self._budget.stop_s, self._clock)
        if self._parts.remote is not None:
            self._parts.remote.stop(deadline.remaining_s)
        for thread in self._threads:
            thread.join(deadline.remaining_s)
            if thread.is_alive():
                _LOG.error("%s did not stop within %.1f s", thread.name, self._budget.stop_s)
        self._recorder.finish(Deadline.after(self._budget.store_s, self._clock))
        self._parts.clock_floor.save(self._parts.surroundings.clock_state, at_once=True)
        if self._endpoint is not None:
            self._endpoint.stop()
        self._parts.publisher.stop()
        if self._parts.remote is not None:
            self._parts.remote.close()
        self._parts.store.close()
        # Last, as a device that hangs may hold it up; nothing is lost by then.
        self._parts.measurer.close()

    @property
    def parts(self) -> Parts:
        """What it is made of."""
        return self._parts

    @property
    def waiting(self) -> int:
        """How many readings are in memory alone and not sent, as the card refuses them."""
        return self._recorder.waiting + self._parts.store.waiting

    @property
    def finished(self) -> bool:
        """Whether a replayed line has ended and all its trays are measured."""
        return self._intake.ended.is_set() and self._trays.empty() and self._busy is None

    @property
    def leaving(self) -> bool:
        """Whether to start anew: somebody who may asked for it, or the meal has another full serving."""
        asked = self._parts.remote is not None and self._parts.remote.leaving.is_set()
        return asked or self._parts.meals.changed

    def unable(self) -> str | None:
        """Return why trays cannot be measured now, or None; the watchdog is fed only while it is None.

        A camera that is being opened again has the time that the budget gives it before this says so.
        """
        if self.failure is not None:
            return self.failure
        blind_s = self._intake.seconds_without_frame(self._started_s)
        if not self._intake.ended.is_set() and blind_s > self._budget.camera_away_s:
            return f"no usable frame for {blind_s:.0f} s: {self._intake.fault}"
        ailing_s = self._intake.seconds_ailing()
        if not self._intake.ended.is_set() and ailing_s > self._budget.camera_ailing_s:
            return f"the camera has not run well for {ailing_s:.0f} s: it fails soon after each opening"
        busy = self._busy
        if busy is not None and self._clock.monotonic_s() - busy[1] > self._budget.total_s:
            return f"{busy[0]} has taken more than {self._budget.total_s:.0f} s"
        return None

    def degraded(self) -> list[str]:
        """Return what a subscriber should know: the appliance works, but not as it should."""
        reasons = []
        if self._intake.fault is not None:
            reasons.append(self._intake.fault)
        reasons += self._complaints_of_the_store()
        reasons += self._parts.measurer.degraded()
        if self.overflowed:
            reasons.append(f"{self.overflowed} trays came faster than they could be measured")
        if self.late:
            reasons.append(f"{self.late} trays waited too long to be measured in time")
        if (slow := self._latency.complaint(self._clock.monotonic_s())) is not None:
            reasons.append(slow)
        if self._endpoint is not None and self._endpoint.fault is not None:
            reasons.append(self._endpoint.fault)
        reasons += self._parts.about.faults
        reasons += self._parts.surroundings.complaints()
        return reasons

    def _complaints_of_the_store(self) -> list[str]:
        reasons = []
        if (refuge := self._parts.store.refuge) is not None:
            reasons.append(refuge)
        if self._recorder.waiting:
            reasons.append(f"the store refuses writes: {self._recorder.waiting} readings wait in memory")
        if self._recorder.lost:
            reasons.append(f"{self._recorder.lost} readings lost while the store refused writes")
        if self._parts.store.alarm is not None:
            reasons.append(self._parts.store.alarm)
        if self._parts.store.tight:
            reasons.append("the disk is full: sent readings make room for new ones; free space")
        return reasons

    def look_around(self) -> None:
        """Look at the machine, and send a health message when due or on a change; may take seconds."""
        self._parts.surroundings.look()
        self._parts.store.tend()
        self._parts.clock_floor.save(self._parts.surroundings.clock_state)
        self._say_what_it_is()
        self._report.look(self._activity())

    def _say_what_it_is(self) -> None:
        info = self._collector.info(self._parts.measurer.health())
        if info != self._info:
            self._info = info
            self._parts.publisher.set_info(info)

    def health(self) -> Health:
        """Return how the appliance is now; may be called from any thread, and wait for the disk."""
        return self._collector.collect(self._activity())

    def _activity(self) -> Activity:
        return Activity(
            started_s=self._started_s,
            unable=self.unable(),
            degraded=self.degraded(),
            trays=self.measured,
            paths=self.paths,
            networks=self._parts.measurer.health(),
            latency=self._latency.figures(self._clock.monotonic_s()),
            camera_fault=self._intake.fault,
            camera_reopened=self._intake.reopened,
            camera_revived=self._intake.revived,
            queued=self._trays.qsize(),
            overflowed=self.overflowed,
            late=self.late,
            waiting=self.waiting,
            lost_in_memory=self._recorder.lost,
            in_memory=self._parts.store.refuge is not None,
            tpu=self._parts.measurer.counts(),
        )

    def _guard(self, name: str, work: Callable[[], None]) -> None:
        """Run a thread's work; an error that ends it takes the process down, and systemd restarts it."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 - whatever it was, `run` ends the process with it
            _LOG.exception("the %s thread died", name)
            self.failure = f"the {name} thread died: {error!r}"

    def _watch_line(self) -> None:
        self._intake.run(self._stop)

    def _measure_trays(self) -> None:
        while not (self._stop.is_set() and self._trays.empty()):
            if self._trays.empty():
                with self._busy_with("showing the references to the networks"):
                    self._prepare()
            try:
                event = self._trays.get(timeout=_IDLE_S)
            except queue.Empty:
                with self._busy_with("storing what the disk had refused"):
                    self._recorder.retry()
                continue
            with self._busy_with("one tray"):
                self._measure(event)

    @contextmanager
    def _busy_with(self, what: str) -> Iterator[None]:
        """Let the watchdog know what this thread does, and since when; what ends the thread stays known."""
        self._busy = what, self._clock.monotonic_s()
        yield
        self._busy = None

    def _measure(self, event: TrayEvent) -> None:
        stages = Stages(self._clock, since_s=event.triggered_s)
        stages.add("wait", self._clock.monotonic_s() - event.triggered_s)
        deadline = Deadline(self._clock, event.triggered_s + self._budget.measure_s)
        if self._parts.measurer.too_late(deadline):
            self.late += 1
            _LOG.error("no time left to measure a tray; %d so far", self.late)
            tray = rejected("waited too long to be measured in time: trays came too fast", stages)
        else:
            tray = self._outcome(event, deadline, stages)
        if self._parts.shade is not None:
            tray = self._parts.shade.beside(tray, deadline, waiting=not self._trays.empty())
        self._record(event, tray)
        self.measured += 1
        if tray.seen is not None:
            self.paths[tray.outcome.path] += 1
            self._watch_latency(tray)
        if self._parts.remote is not None:
            self._parts.remote.see(event, tray)
        if self._on_tray is not None:
            try:
                self._on_tray(event, tray)
            except Exception:  # noqa: BLE001 - the reading is stored already
                _LOG.exception("the last tray's picture could not be kept")

    def _outcome(self, event: TrayEvent, deadline: Deadline, stages: Stages) -> MeasuredTray:
        try:
            return self._parts.measurer.measure(event.frame.image, deadline=deadline, stages=stages)
        except Exception as error:  # noqa: BLE001 - one tray must cost one reading, never the service
            _LOG.exception("a tray could not be measured")
            return rejected(f"internal error: {type(error).__name__}", stages)

    def _watch_latency(self, tray: MeasuredTray) -> None:
        networks = self._parts.measurer.health() or {}
        spent_ms = tray.outcome.latency_ms
        self._latency.add(
            self._clock.monotonic_s(),
            spent_ms["total"] - spent_ms.get("wait", 0.0),
            f"{tray.outcome.path} {networks.get('device')}",
        )

    def _prepare(self) -> None:
        """Get the networks ready while no tray waits: at the start, and when they come back."""
        try:
            self._parts.measurer.prepare()
        except InferenceError as error:
            _LOG.debug("the networks are not ready: %s", error)

    def _overflow(self, event: TrayEvent) -> None:
        self.overflowed += 1
        _LOG.error("the queue is full: %d trays came faster than they could be measured", self.overflowed)
        self._record(
            event, rejected("the queue of trays is full", Stages(self._clock, since_s=event.triggered_s))
        )

    def _record(self, event: TrayEvent, tray: MeasuredTray) -> None:
        frame, clock_state = event.frame, self._parts.surroundings.clock_state
        captured_at = self._parts.clock_floor.stamp(frame.captured_at, frame.captured_s, clock_state)
        draft = Draft(
            origin=self._parts.origin,
            outcome=tray.outcome,
            captured_at=captured_at,
            clock=clock_state,
            meal=self._parts.meals.at(captured_at),
            models=tray.models,
            made_s=self._clock.monotonic_s(),
        )
        if self._recorder.record(draft):
            self._parts.publisher.wake()
