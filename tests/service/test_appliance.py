"""The running appliance with a scripted camera: what one bad tray, a full disk or a dead thread costs."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from appliance.budget import Budget
from appliance.clock import SystemClock
from appliance.picture import Picture
from appliance.readings.boot import boot_id
from appliance.readings.clock_floor import ClockFloor
from appliance.readings.measurement import Outcome
from appliance.readings.reading import Origin, Reading
from appliance.readings.settings import StoreSettings
from appliance.readings.store import Store
from appliance.service import appliance as appliance_module
from appliance.service.appliance import Appliance, Parts
from appliance.service.health_report import About
from appliance.service.machine import Machine
from appliance.service.meals import Meals
from appliance.service.surroundings import Surroundings
from tests.service.doubles import FullStore, Measurer, Publisher, Shade
from tests.service.lines import EveryFrame, Gate, ScriptedCamera, gone, noisy

SOON_S = 10.0


Build = Callable[..., Appliance]


@pytest.fixture
def store(tmp_path: Path) -> FullStore:
    settings = StoreSettings()
    store = FullStore(Store(tmp_path / "readings.sqlite", settings), settings, SystemClock())
    store.open()
    return store


@pytest.fixture
def build(store: FullStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    mark = tmp_path / "run/systemd/timesync/synchronized"
    mark.parent.mkdir(parents=True)
    mark.touch()
    monkeypatch.setattr(appliance_module, "_IDLE_S", 0.02)

    def build(script: list[Picture | Exception], **options: object) -> Appliance:
        clock = SystemClock()
        parts = Parts(
            camera=ScriptedCamera(script, clock),
            trigger=EveryFrame(),
            measurer=Measurer(options.pop("gate", None), options.pop("away", 0)),
            store=store,
            clock_floor=ClockFloor(tmp_path / "clock-floor", clock),
            publisher=Publisher(),
            origin=Origin("site", "box", boot_id()),
            surroundings=Surroundings(Machine(tmp_path), clock, tmp_path),
            about=About(Origin("site", "box", boot_id()), tmp_path / "readings.sqlite"),
            meals=options.pop("meals", None) or Meals(clock),
            shade=options.pop("shade", None),
        )
        settings = {"queue_trays": 100, "health_interval_s": 60.0, **options}
        return Appliance(parts, Budget(5.0), clock, **settings)

    return build


def finish(appliance: Appliance) -> None:
    until_s = time.monotonic() + SOON_S
    while not appliance.finished and appliance.failure is None:
        assert time.monotonic() < until_s
        time.sleep(0.01)


def stored(store: FullStore) -> list[Outcome]:
    store.open()
    with store:
        return [Reading.from_json(pending.payload) for pending in store.pending(1000)]


def test_each_tray_becomes_one_stored_reading(build: Build, store: FullStore) -> None:
    appliance = build([noisy(n) for n in range(5)])
    appliance.start()
    finish(appliance)
    assert appliance.unable() is None
    appliance.stop()
    readings = stored(store)
    assert [reading.sequence for reading in readings] == [1, 2, 3, 4, 5]
    assert {reading.clock for reading in readings} == {"synced"}
    assert all("wait" in reading.latency_ms for reading in readings)


def test_stamps_of_a_clock_that_is_not_set_begin_at_the_floor(
    build: Build, store: FullStore, tmp_path: Path
) -> None:
    floor = datetime(2999, 1, 1, tzinfo=UTC)
    (tmp_path / "clock-floor").write_text(floor.isoformat())
    (tmp_path / "run/systemd/timesync/synchronized").unlink()
    appliance = build([noisy(n) for n in range(2)])
    appliance.start()
    finish(appliance)
    appliance.stop()
    stamps = [reading.captured_at for reading in stored(store)]
    assert floor <= stamps[0] <= stamps[1]
    assert (tmp_path / "clock-floor").read_text() == floor.isoformat(), "not known, so not saved"


def test_a_tray_that_breaks_the_measuring_costs_one_rejected_reading(build: Build, store: FullStore) -> None:
    breaking = np.full((120, 160, 3), 90, np.uint8)
    breaking[::3] += 20
    breaking[0, 0] = 7
    appliance = build([noisy(1), breaking, noisy(2)])
    appliance.start()
    finish(appliance)
    appliance.stop()
    assert [reading.reason for reading in stored(store)] == [
        "scripted",
        "internal error: ZeroDivisionError",
        "scripted",
    ]


def test_a_full_disk_loses_nothing_and_is_said(build: Build, store: FullStore) -> None:
    store.refusals = 2
    appliance = build([noisy(1), noisy(2), noisy(3)])
    appliance.start()
    finish(appliance)
    appliance.stop()
    assert appliance.degraded() == []
    assert [reading.sequence for reading in stored(store)] == [1, 2, 3]


def test_what_the_box_is_is_told_once(build: Build) -> None:
    appliance = build([noisy(1)])
    appliance.start()
    finish(appliance)
    appliance.look_around()
    [info] = appliance._parts.publisher.info
    assert info["networks"] == {"device": "cpu", "versions": {}}
    assert "temperature_c" not in info
    appliance.stop()


def test_what_a_full_disk_held_back_is_published_as_late(build: Build, store: FullStore) -> None:
    """What counts is when the tray was measured, not when the disk took its reading."""
    store.refusals = 3
    began_s = time.monotonic()
    appliance = build([noisy(1)])
    appliance.start()
    finish(appliance)
    while store.refusals:
        assert time.monotonic() < began_s + SOON_S
        time.sleep(0.01)
    refused_until_s = time.monotonic()
    appliance.stop()
    store.open()
    with store:
        [waiting] = store.pending(9)
    assert began_s <= waiting.stored_monotonic_s < refused_until_s


def test_what_is_wrong_is_in_health(build: Build, store: FullStore) -> None:
    store.refusals = 1000
    appliance = build([noisy(1)])
    appliance.start()
    finish(appliance)
    appliance.look_around()
    assert any("1 readings wait" in reason for reason in appliance.degraded())
    store.refusals = 0
    store._card.alarm = "readings.sqlite: damaged, and set aside"
    assert store.alarm in appliance.degraded()
    appliance.stop()
    assert len(stored(store)) == 1


def test_what_is_under_test_sees_every_tray_before_it_is_stored(build: Build, store: FullStore) -> None:
    gate, shade = Gate(), Shade()
    appliance = build([noisy(n) for n in range(3)], gate=gate, shade=shade)
    appliance.start()
    until_s = time.monotonic() + SOON_S
    while appliance._trays.qsize() < 2:
        assert time.monotonic() < until_s
        time.sleep(0.01)
    gate.set()
    finish(appliance)
    appliance.stop()
    assert shade.waiting == [True, True, False]
    assert {reading.reason for reading in stored(store)} == {"seen in the shade"}


def test_trays_that_come_too_fast_are_counted_all_the_same(build: Build, store: FullStore) -> None:
    gate = Gate()
    appliance = build([noisy(n) for n in range(6)], gate=gate, queue_trays=2)
    appliance.start()
    until_s = time.monotonic() + SOON_S
    while appliance.overflowed < 3:
        assert time.monotonic() < until_s
        time.sleep(0.01)
    gate.set()
    finish(appliance)
    appliance.stop()
    reasons = [reading.reason for reading in stored(store)]
    assert len(reasons) == 6
    assert reasons.count("the queue of trays is full") == appliance.overflowed
    assert any("faster" in reason for reason in appliance.degraded())


def test_a_tray_that_hangs_starves_the_watchdog(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate()
    appliance = build([noisy(1)], gate=gate)
    monkeypatch.setattr(appliance, "_budget", Budget(0.05))
    appliance.start()
    until_s = time.monotonic() + SOON_S
    while appliance.unable() is None:
        assert time.monotonic() < until_s
        time.sleep(0.01)
    assert "one tray has taken" in str(appliance.unable())
    gate.set()
    finish(appliance)
    monkeypatch.setattr(appliance, "_budget", Budget(5.0))
    appliance.stop()


def test_a_disk_that_hangs_while_no_tray_is_measured_starves_the_watchdog(
    build: Build, store: FullStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a full disk refused is stored again by the thread that measures: while it waits, nobody does."""
    gate = store.gate = Gate()
    store.refusals = 1
    appliance = build([noisy(1)])
    monkeypatch.setattr(appliance, "_budget", Budget(0.05))
    appliance.start()
    until_s = time.monotonic() + SOON_S
    while appliance.unable() is None:
        assert time.monotonic() < until_s
        time.sleep(0.01)
    assert "has taken more than" in str(appliance.unable())
    gate.set()
    finish(appliance)
    monkeypatch.setattr(appliance, "_budget", Budget(5.0))
    appliance.stop()
    assert len(stored(store)) == 1


def test_a_camera_that_gives_a_frame_and_fails_again_and_again_starves_the_watchdog(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Budget, "camera_ailing_s", 0.05)
    appliance = build([step for n in range(1000) for step in (noisy(n), gone())])
    appliance.start()
    until_s = time.monotonic() + SOON_S
    while appliance.unable() is None:
        assert time.monotonic() < until_s
        time.sleep(0.01)
    assert "has not run well" in str(appliance.unable())
    appliance.stop()


def test_a_thread_that_dies_takes_the_appliance_down(build: Build) -> None:
    appliance = build([noisy(1), RuntimeError("a bug")])
    appliance.start()
    finish(appliance)
    assert "a bug" in str(appliance.failure)
    assert appliance.unable() == appliance.failure
    appliance.stop()


def test_a_picture_that_cannot_be_kept_costs_nothing(build: Build, store: FullStore) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no room")

    appliance = build([noisy(1), noisy(2)], on_tray=refuse)
    appliance.start()
    finish(appliance)
    appliance.stop()
    assert len(stored(store)) == 2


def test_a_tray_without_time_left_is_counted_not_measured(
    build: Build, store: FullStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    appliance = build([noisy(1), noisy(2)])
    monkeypatch.setattr(Budget, "measure_s", 0.0)
    appliance.start()
    finish(appliance)
    appliance.stop()
    readings = stored(store)
    assert [reading.status for reading in readings] == ["rejected"] * 2
    assert all("waited too long" in str(reading.reason) for reading in readings)
    assert appliance.late == 2
    assert "2 trays waited too long to be measured in time" in appliance.degraded()


def test_networks_are_asked_until_they_are_there_and_let_go_at_the_end(build: Build) -> None:
    appliance = build([noisy(1)], away=3)
    measurer = appliance._parts.measurer
    assert "the Coral is away" in appliance.degraded()
    appliance.start()
    until_s = time.monotonic() + SOON_S
    while measurer.degraded():
        assert time.monotonic() < until_s
        time.sleep(0.01)
    finish(appliance)
    assert appliance.degraded() == []
    appliance.look_around()
    appliance.stop()
    assert measurer.closed
    assert appliance._parts.publisher.health[-1]["networks"]["ready"] is True
    assert appliance._parts.publisher.health[-1]["tpu"]["usb_resets"] == 2
