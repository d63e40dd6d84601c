"""Puts the health message together, and sends it when it is due or something changed."""

import logging
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from appliance import __version__
from appliance.artifacts.shelf import Kind
from appliance.clock import Clock
from appliance.errors import StoreError
from appliance.health.board import kernel_release
from appliance.health.disk import store_mb
from appliance.health.latency import LatencyFigures
from appliance.health.message import (
    BrokerHealth,
    CameraHealth,
    DiskHealth,
    Health,
    LatencyHealth,
    MemoryHealth,
    NetworksHealth,
    ProcessHealth,
    QueueHealth,
    ReadingsHealth,
    SoftwareHealth,
    Throttling,
    TpuHealth,
)
from appliance.health.process import Taken
from appliance.publish.client import PublisherState
from appliance.readings.reading import Origin
from appliance.readings.store import Counts
from appliance.service.surroundings import Facts, Surroundings

_LOG = logging.getLogger(__name__)

CHANGE_S = 5.0
"""Between two health messages at least, however often things change."""


class Outbox(Protocol):
    """What is asked of the store."""

    @property
    def alarm(self) -> str | None:
        """What became of it if it was damaged."""

    def counts(self) -> Counts:
        """Count what is in it; raises `StoreError`."""


class Connection(Protocol):
    """What is asked of the publisher."""

    connects: int
    last_fault: str | None

    @property
    def state(self) -> PublisherState:
        """How the connection is."""

    def send_health(self, fields: Mapping[str, object]) -> None:
        """Publish a health message."""


class TpuCounts(Protocol):
    """What happened to the networks' processes and their Coral since the start."""

    @property
    def faults(self) -> int:
        """Faults of a process."""

    @property
    def respawns(self) -> int:
        """Processes after the first one."""

    @property
    def usb_resets(self) -> int:
        """Resets of the Coral on the USB."""

    @property
    def power_cycles(self) -> int:
        """Power cycles of its port."""

    @property
    def stuck(self) -> int:
        """Processes that the kernel could not end."""


@dataclass(frozen=True)
class About:
    """What does not change while the service runs."""

    origin: Origin
    store_file: Path
    fusion: Literal["study", "learned"] = "study"
    variant: str | None = None
    starts: int | None = None
    artifacts: Mapping[Kind, str] = field(default_factory=dict)
    """Kind → version of what came by an update of its own and is in force."""
    faults: tuple[str, ...] = ()
    """What ails it since the start."""


@dataclass(frozen=True)
class Activity:
    """What the running appliance says of itself at one moment; counts are since its start."""

    started_s: float
    unable: str | None
    degraded: list[str]
    trays: int
    paths: Mapping[str, int]
    networks: Mapping[str, object] | None
    latency: LatencyFigures
    camera_fault: str | None
    camera_reopened: int
    camera_revived: int
    queued: int
    overflowed: int
    late: int
    waiting: int
    lost_in_memory: int
    in_memory: bool = False
    tpu: TpuCounts | None = None


class HealthCollector:
    """Collects from all parts; may be asked from any thread, and waits for the disk at most."""

    def __init__(
        self, about: About, surroundings: Surroundings, store: Outbox, publisher: Connection, clock: Clock
    ) -> None:
        self._about = about
        self._surroundings = surroundings
        self._store = store
        self._publisher = publisher
        self._clock = clock
        self._system = SoftwareHealth(
            python=platform.python_version(),
            kernel=kernel_release(),
            board=surroundings.machine.model(),
            fusion=about.fusion,
            variant=about.variant,
            artifacts={str(kind): version for kind, version in about.artifacts.items()},
        )

    def info(self, networks: Mapping[str, object] | None) -> dict[str, object]:
        """Return what the box is, for the topic `info`: nothing that is gone a moment later."""
        return {
            "schema": "janban.info/1",
            "software": __version__,
            "system": self._system.model_dump(mode="json"),
            "networks": None if networks is None else {key: networks[key] for key in ("device", "versions")},
        }

    def collect(self, now: Activity) -> Health:
        """Return the health message of this moment."""
        facts, machine, origin = self._surroundings.facts, self._surroundings.machine, self._about.origin
        uptime_s = machine.uptime_s()
        return Health(
            device=origin.device,
            site=origin.site,
            boot_id=origin.boot_id,
            at=self._clock.utc(),
            clock=facts.clock,
            state="unable" if now.unable is not None else "degraded" if now.degraded else "ok",
            unable=now.unable,
            degraded=now.degraded,
            trays_since_start=now.trays,
            paths_since_start={path: now.paths.get(path, 0) for path in ("full", "fallback")},
            uptime_s=self._seconds_since(now.started_s),
            machine_uptime_s=None if uptime_s is None else int(uptime_s),
            starts_this_boot=self._about.starts,
            software=__version__,
            system=self._system,
            temperature_c=facts.temperature_c,
            temperatures_c=facts.temperatures_c,
            throttling=None if facts.throttle is None else facts.throttle.words,
            throttle=_throttling(facts),
            memory=self._memory(),
            disk_free_mb=None if facts.disk is None else int(facts.disk.free_mb),
            disk=DiskHealth(
                free_mb=None if facts.disk is None else facts.disk.free_mb,
                store_mb=store_mb(self._about.store_file),
                read_only=None if facts.disk is None else facts.disk.read_only,
            ),
            latency=LatencyHealth(
                trays=now.latency.trays,
                p50_ms=now.latency.p50_ms,
                p95_ms=now.latency.p95_ms,
                drift=now.latency.drift,
            ),
            edgetpus=facts.edgetpus,
            tpu=TpuHealth(**_counted(now.tpu), reenumerations=facts.reenumerations),
            networks=_networks(now.networks),
            camera=CameraHealth(
                fault=now.camera_fault, reopens=now.camera_reopened, usb_resets=now.camera_revived
            ),
            queue=QueueHealth(trays=now.queued, overflowed=now.overflowed, late=now.late),
            readings=self._readings(now),
            broker=self._broker(),
        )

    def _memory(self) -> MemoryHealth:
        machine = self._surroundings.machine
        memory = machine.memory_mb()
        own, workers = machine.taken_by(os.getpid())
        return MemoryHealth(
            available_mb=memory.available,
            cma_free_mb=memory.cma_free,
            service=None if own is None else _process(own),
            workers={name: _process(taken) for name, taken in workers.items()},
        )

    def _readings(self, now: Activity) -> ReadingsHealth:
        try:
            counts = self._store.counts()
        except StoreError:
            # What it has against being read is said by whoever writes and sends readings.
            counts = None
        return ReadingsHealth(
            pending=None if counts is None else counts.pending,
            sent=None if counts is None else counts.sent,
            lost=None if counts is None else counts.lost,
            waiting=now.waiting,
            lost_in_memory=now.lost_in_memory,
            in_memory=now.in_memory,
            tight=None if counts is None else counts.tight,
            alarm=self._store.alarm,
        )

    def _broker(self) -> BrokerHealth:
        state = self._publisher.state
        return BrokerHealth(
            connected=state.connected,
            since_s=self._seconds_since(state.since_s),
            version=state.version,
            reconnects=max(0, self._publisher.connects - 1),
            fault=self._publisher.last_fault,
        )

    def _seconds_since(self, when_s: float) -> int:
        return max(0, round(self._clock.monotonic_s() - when_s))


class HealthReport:
    """Sends the health message every `interval_s`, and `CHANGE_S` after the last one where something changed.

    A change is one of the state, the complaints, the supply, the clock, or of where the networks run.
    """

    def __init__(
        self,
        collect: Callable[[Activity], Health],
        surroundings: Surroundings,
        publisher: Connection,
        clock: Clock,
        interval_s: float,
    ) -> None:
        self._collect = collect
        self._surroundings = surroundings
        self._publisher = publisher
        self._clock = clock
        self._interval_s = interval_s
        self._sent_s: float | None = None
        self._said: tuple[object, ...] = ()

    def look(self, now: Activity) -> None:
        """Send if it is due."""
        now_s, telling = self._clock.monotonic_s(), self._telling(now)
        due_s = self._interval_s if telling == self._said else CHANGE_S
        if self._sent_s is not None and now_s - self._sent_s < due_s:
            return
        self._said, self._sent_s = telling, now_s
        try:
            self._publisher.send_health(self._collect(now).model_dump(mode="json"))
        except Exception:  # noqa: BLE001 - a figure that cannot be had must not cost the trays
            _LOG.exception("the health message cannot be put together")

    def _telling(self, now: Activity) -> tuple[object, ...]:
        facts, networks = self._surroundings.facts, now.networks or {}
        return (
            now.unable is None,
            tuple(now.degraded),
            facts.throttle,
            facts.clock,
            networks.get("device"),
            networks.get("ready"),
        )


def _throttling(facts: Facts) -> Throttling | None:
    if facts.throttle is None or facts.throttle_bits is None:
        return None
    return Throttling(
        raw=f"{facts.throttle_bits:#x}", now=facts.throttle.now, since_boot=facts.throttle.since_boot
    )


def _networks(told: Mapping[str, object] | None) -> NetworksHealth | None:
    return None if told is None else NetworksHealth.model_validate(told, extra="ignore")


def _counted(counts: TpuCounts | None) -> dict[str, int | None]:
    names = ("faults", "respawns", "usb_resets", "power_cycles", "stuck")
    return {name: None if counts is None else getattr(counts, name) for name in names}


def _process(taken: Taken) -> ProcessHealth:
    return ProcessHealth(rss_mb=taken.rss_mb, threads=taken.threads, descriptors=taken.descriptors)
