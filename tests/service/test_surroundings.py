from pathlib import Path

import pytest

from appliance.health.disk import Disk
from appliance.service import surroundings as module
from appliance.service.machine import Machine
from appliance.service.surroundings import LOOK_EVERY_S, Surroundings
from tests.inference.roots import plug_in, put
from tests.readings.clocks import SetClock

THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def around(tmp_path: Path, clock: SetClock) -> Surroundings:
    return Surroundings(Machine(tmp_path), clock, tmp_path)


def test_before_the_first_look_nothing_is_known(around: Surroundings) -> None:
    assert around.clock_state == "unsynced"
    assert around.complaints() == []
    assert around.facts.throttle is None


def test_it_looks_now_and_then(around: Surroundings, clock: SetClock, tmp_path: Path) -> None:
    around.look()
    put(tmp_path, "run/systemd/timesync/synchronized", "")
    clock.pass_s(LOOK_EVERY_S / 2)
    around.look()
    assert around.clock_state == "unsynced"
    clock.pass_s(LOOK_EVERY_S / 2)
    around.look()
    assert around.clock_state == "synced"


def test_under_voltage_is_told_while_it_lasts_and_remembered(around: Surroundings, tmp_path: Path) -> None:
    put(tmp_path, THROTTLED, "1\n")
    around.look(every_s=0)
    assert any("under-voltage" in complaint for complaint in around.complaints())
    # The kernel's own driver has cleared what the firmware remembered.
    put(tmp_path, THROTTLED, "0\n")
    around.look(every_s=0)
    assert around.complaints() == []
    assert around.facts.throttle_bits == 0
    assert around.facts.throttle is not None
    assert around.facts.throttle.words == ["under-voltage since boot"]


def test_a_coral_that_comes_back_under_another_number_is_counted(
    around: Surroundings, tmp_path: Path
) -> None:
    plug_in(tmp_path, ("18d1", "9302"))
    around.look(every_s=0)
    put(tmp_path, "sys/bus/usb/devices/2-1/devnum", "8\n")
    around.look(every_s=0)
    assert around.facts.reenumerations == 1
    assert around.facts.edgetpus == 1


def test_a_disk_that_turned_read_only_is_told(around: Surroundings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "disk_of", lambda _: Disk(free_mb=12.7, read_only=True))
    around.look()
    assert any("read-only" in complaint for complaint in around.complaints())
    assert around.facts.disk == Disk(free_mb=12.7, read_only=True)
