import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from appliance.errors import StoreError
from appliance.health.latency import LatencyFigures
from appliance.health.message import Health
from appliance.publish.client import PublisherState
from appliance.readings.boot import boot_id
from appliance.readings.reading import Origin
from appliance.readings.settings import StoreSettings
from appliance.readings.store import Store
from appliance.service.health_report import (
    CHANGE_S,
    About,
    Activity,
    HealthCollector,
    HealthReport,
)
from appliance.service.machine import Machine
from appliance.service.surroundings import Surroundings
from tests.inference.roots import put
from tests.readings.clocks import SetClock
from tests.readings.examples import draft

INTERVAL_S = 60.0
WELL = Activity(
    started_s=1000.0,
    unable=None,
    degraded=[],
    trays=7,
    paths={"full": 5},
    networks={"device": "edgetpu", "versions": {"midas": "0a1b"}, "ready": True, "complaints": []},
    latency=LatencyFigures(5, 200.0, 300.0, None),
    camera_fault=None,
    camera_reopened=2,
    camera_revived=1,
    queued=2,
    overflowed=1,
    late=0,
    waiting=0,
    lost_in_memory=0,
)


@dataclass(frozen=True)
class Counted:
    faults: int = 1
    respawns: int = 3
    usb_resets: int = 2
    power_cycles: int = 0
    stuck: int = 0


class Publisher:
    connects = 4
    last_fault = "connection lost: keep alive timeout"
    state = PublisherState(connected=True, since_s=990.0, version="5")

    def __init__(self) -> None:
        self.sent: list[Mapping[str, object]] = []

    def send_health(self, fields: Mapping[str, object]) -> None:
        json.dumps(fields, allow_nan=False)
        self.sent.append(fields)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def around(tmp_path: Path, clock: SetClock) -> Surroundings:
    return Surroundings(Machine(tmp_path), clock, tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "readings.sqlite", StoreSettings())
    store.open()
    return store


@pytest.fixture
def collector(tmp_path: Path, clock: SetClock, around: Surroundings, store: Store) -> HealthCollector:
    put(tmp_path, "proc/device-tree/model", "Raspberry Pi 5\0")
    about = About(
        Origin("north", "line-1", boot_id()), tmp_path / "readings.sqlite", "learned", "bins-90", starts=2
    )
    return HealthCollector(about, around, store, Publisher(), clock)


def test_everything_is_in_its_place(
    collector: HealthCollector, store: Store, around: Surroundings, clock: SetClock, tmp_path: Path
) -> None:
    put(tmp_path, "proc/meminfo", "MemAvailable: 1000000 kB\nCmaFree: 1000 kB\n")
    put(tmp_path, "sys/class/thermal/thermal_zone0/temp", "61000")
    put(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "50001")
    put(tmp_path, f"proc/{os.getpid()}/status", "VmRSS:\t100000 kB\nThreads:\t9\n")
    store.add(draft())
    sent = store.add(draft())
    store.mark_sent([sent.id])
    around.look()
    clock.pass_s(90.0)
    found = collector.collect(replace(WELL, tpu=Counted()))
    assert found.state == "ok"
    assert (found.site, found.device, found.at) == ("north", "line-1", clock.utc())
    assert found.paths_since_start == {"full": 5, "fallback": 0}
    assert (found.uptime_s, found.starts_this_boot) == (90, 2)
    assert (found.system.board, found.system.fusion, found.system.variant) == (
        "Raspberry Pi 5",
        "learned",
        "bins-90",
    )
    assert found.temperature_c == 61.0
    assert found.throttle is not None
    assert (found.throttle.raw, found.throttle.now) == ("0x50001", ["under-voltage"])
    assert found.throttling == ["under-voltage now", "under-voltage since boot", "throttled since boot"]
    assert (found.memory.available_mb, found.memory.cma_free_mb) == (1024.0, 1.0)
    assert found.memory.service is not None
    assert (found.memory.service.rss_mb, found.memory.service.threads) == (102.4, 9)
    assert found.disk.free_mb is not None
    assert found.disk_free_mb == int(found.disk.free_mb)
    assert found.disk.store_mb > 0
    assert (found.readings.pending, found.readings.sent, found.readings.lost) == (1, 1, 0)
    assert (found.tpu.faults, found.tpu.respawns, found.tpu.usb_resets) == (1, 3, 2)
    assert found.networks is not None
    assert found.networks.versions == {"midas": "0a1b"}
    assert (found.camera.reopens, found.camera.usb_resets) == (2, 1)
    assert (found.queue.trays, found.queue.overflowed) == (2, 1)
    assert (found.broker.since_s, found.broker.reconnects) == (100, 3)
    assert found.broker.fault == "connection lost: keep alive timeout"


def test_states(collector: HealthCollector) -> None:
    assert collector.collect(replace(WELL, degraded=["it is hot"])).state == "degraded"
    unable = collector.collect(replace(WELL, degraded=["it is hot"], unable="no camera"))
    assert (unable.state, unable.unable, unable.degraded) == ("unable", "no camera", ["it is hot"])


def test_a_store_that_cannot_be_read_costs_its_counts(
    collector: HealthCollector, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise StoreError("the disk is gone")

    monkeypatch.setattr(store, "counts", fail)
    store.alarm = "a damaged store was set aside"
    found = collector.collect(replace(WELL, networks=None, tpu=None))
    assert found.tpu.faults is None
    assert found.readings.pending is None
    assert found.readings.alarm == "a damaged store was set aside"
    assert found.networks is None


def test_what_is_told_of_the_networks_beside_is_left_out(collector: HealthCollector) -> None:
    found = collector.collect(replace(WELL, networks={**(WELL.networks or {}), "later": 3}))
    assert found.networks is not None
    assert found.networks.device == "edgetpu"


class Sent:
    """A report with a clock of its own; `look` tells whether it sent."""

    def __init__(self, collector: HealthCollector, around: Surroundings, clock: SetClock) -> None:
        self.publisher = Publisher()
        self.around = around
        self.clock = clock
        self.report = HealthReport(collector.collect, around, self.publisher, clock, INTERVAL_S)

    def look(self, now: Activity = WELL, *, after_s: float = 0.0) -> bool:
        self.clock.pass_s(after_s)
        before = len(self.publisher.sent)
        self.report.look(now)
        return len(self.publisher.sent) > before


@pytest.fixture
def sent(collector: HealthCollector, around: Surroundings, clock: SetClock) -> Sent:
    return Sent(collector, around, clock)


def test_it_is_sent_at_once_and_then_every_interval(sent: Sent) -> None:
    assert sent.look()
    assert not sent.look(after_s=INTERVAL_S - 1)
    assert sent.look(after_s=1)
    assert Health.model_validate(sent.publisher.sent[0]).trays_since_start == 7


@pytest.mark.parametrize(
    "changed",
    [
        replace(WELL, degraded=["it is hot"]),
        replace(WELL, unable="no camera"),
        replace(WELL, networks={**(WELL.networks or {}), "device": "cpu"}),
        replace(WELL, networks={**(WELL.networks or {}), "ready": False}),
    ],
)
def test_a_change_is_sent_soon_but_not_in_a_flood(sent: Sent, changed: Activity) -> None:
    assert sent.look()
    assert not sent.look(changed, after_s=CHANGE_S / 2)
    assert sent.look(changed, after_s=CHANGE_S / 2)
    assert not sent.look(changed, after_s=CHANGE_S)
    assert sent.look(after_s=CHANGE_S)


@pytest.mark.parametrize(
    "file", ["run/systemd/timesync/synchronized", "sys/devices/platform/soc/soc:firmware/get_throttled"]
)
def test_a_change_of_clock_or_supply_is_sent_soon(sent: Sent, tmp_path: Path, file: str) -> None:
    assert sent.look()
    put(tmp_path, file, "50005")
    sent.around.look(every_s=0)
    assert sent.look(after_s=CHANGE_S)
    assert not sent.look(after_s=CHANGE_S)


def test_figures_that_change_all_the_time_are_no_change(sent: Sent) -> None:
    assert sent.look()
    assert not sent.look(replace(WELL, trays=8, queued=0, unable=None), after_s=CHANGE_S * 2)
    assert sent.look(replace(WELL, unable="no usable frame for 31 s"), after_s=CHANGE_S)
    assert not sent.look(replace(WELL, unable="no usable frame for 36 s"), after_s=CHANGE_S)


def test_a_message_that_cannot_be_put_together_costs_itself_only(
    sent: Sent, caplog: pytest.LogCaptureFixture
) -> None:
    assert not sent.look(replace(WELL, networks={"device": 3}))
    assert "cannot be put together" in caplog.text
    assert not sent.look(after_s=CHANGE_S / 2)
    assert sent.look(after_s=CHANGE_S)
