"""What the kernel's files say, from files of our own."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.health.board import board_model, memory_mb, uptime_s
from appliance.health.disk import disk_of, store_mb
from appliance.health.process import taken_by, workers
from appliance.health.thermal import hottest_zone_c, temperatures_c
from appliance.health.throttle import Throttle, read_throttle
from tests.inference.roots import plug_in_pcie, put


def test_sensors_are_named(tmp_path: Path) -> None:
    assert temperatures_c(tmp_path) == {}
    put(tmp_path, "sys/class/thermal/thermal_zone0/type", "cpu-thermal\n")
    put(tmp_path, "sys/class/thermal/thermal_zone0/temp", "48312\n")
    put(tmp_path, "sys/class/thermal/thermal_zone1/temp", "--1\n")
    put(tmp_path, "sys/class/hwmon/hwmon0/name", "nvme\n")
    put(tmp_path, "sys/class/hwmon/hwmon0/temp1_input", "71850\n")
    put(tmp_path, "sys/class/hwmon/hwmon0/temp1_label", "Composite\n")
    put(tmp_path, "sys/class/hwmon/hwmon1/name", "rp1_adc\n")
    put(tmp_path, "sys/class/hwmon/hwmon1/temp1_input", "-5000\n")
    put(tmp_path, "sys/class/hwmon/hwmon2/name", "nvme\n")
    put(tmp_path, "sys/class/hwmon/hwmon2/temp1_input", "40000\n")
    put(tmp_path, "sys/class/hwmon/hwmon2/temp1_label", "composite\n")
    plug_in_pcie(tmp_path)
    assert temperatures_c(tmp_path) == {
        "cpu-thermal": 48.312,
        "nvme composite": 71.85,
        "rp1_adc temp1": -5.0,
        "nvme composite 2": 40.0,
        "apex_0": 48.0,
    }
    assert hottest_zone_c(tmp_path) == 48.312


def test_throttle_bits_are_told_apart(tmp_path: Path) -> None:
    put(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "50001\n")
    found = read_throttle(tmp_path)
    assert found is not None
    assert found.bits == 0x50001
    assert found.now == ["under-voltage"]
    assert found.since_boot == ["under-voltage", "throttled"]


@given(st.lists(st.integers(0, 0xFFFFFFFF), min_size=1))
def test_what_was_seen_once_stays_seen_and_now_is_now(history: list[int]) -> None:
    seen: Throttle | None = None
    for bits in history:
        seen = Throttle(bits).after(seen)
    assert seen is not None
    assert seen.now == Throttle(history[-1]).now
    told = {word for bits in history for word in (*Throttle(bits).now, *Throttle(bits).since_boot)}
    assert set(seen.since_boot) == told


@pytest.mark.parametrize("text", ["-5", "ffffffffffff", " 0x5 "])
def test_odd_bits_are_still_bits(tmp_path: Path, text: str) -> None:
    put(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", text)
    found = read_throttle(tmp_path)
    assert found is not None
    assert 0 <= found.bits < 1 << 32


def test_the_board(tmp_path: Path) -> None:
    assert board_model(tmp_path) is None
    assert uptime_s(tmp_path) is None
    assert memory_mb(tmp_path).available is None
    put(tmp_path, "proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.5\0")
    put(tmp_path, "proc/uptime", "350735.47 234388.90\n")
    put(tmp_path, "proc/meminfo", "MemTotal: 8 kB\nMemAvailable:    1000000 kB\nCmaFree:     250000 kB\n")
    assert board_model(tmp_path) == "Raspberry Pi 4 Model B Rev 1.5"
    assert uptime_s(tmp_path) == 350735.47
    assert memory_mb(tmp_path).available == 1024.0
    assert memory_mb(tmp_path).cma_free == 256.0


def test_this_process_and_its_descriptors() -> None:
    before = taken_by(os.getpid())
    assert before is not None
    assert before.descriptors is not None
    assert before.rss_mb > 1
    files = [Path(__file__).open() for _ in range(5)]  # noqa: SIM115 - they are meant to stay open
    after = taken_by(os.getpid())
    for file in files:
        file.close()
    assert after is not None
    assert after.descriptors == before.descriptors + 5


def a_process(root: Path, number: int, command: str, rss_kb: int) -> None:
    put(root, f"proc/{number}/cmdline", command.replace(" ", "\0") + "\0")
    put(root, f"proc/{number}/status", f"Name:\tpython\nVmRSS:\t{rss_kb} kB\nThreads:\t3\n")
    put(root, f"proc/{number}/fd/0", "")


def test_workers_are_known_by_their_commands(tmp_path: Path) -> None:
    a_process(tmp_path, 10, "python -P -m appliance.inference.child 5 6 1", 2_000)
    a_process(tmp_path, 11, "python -P -m appliance.inference.child 5 6 1", 200_000)
    a_process(tmp_path, 12, "python -c from multiprocessing.spawn import spawn_main; spawn_main()", 90_000)
    a_process(tmp_path, 13, "python -c from multiprocessing.resource_tracker import main;main(4)", 9_000)
    found = workers([10, 11, 12, 13, 14], tmp_path)
    assert {name: round(taken.rss_mb) for name, taken in found.items()} == {"networks": 205, "camera": 92}
    assert found["camera"].descriptors == 1
    assert found["camera"].threads == 3
    assert taken_by(14, tmp_path) is None


def test_the_disk_and_the_store(tmp_path: Path) -> None:
    found = disk_of(tmp_path)
    assert found is not None
    assert found.free_mb > 0
    assert not found.read_only
    assert disk_of(tmp_path / "none") is None
    assert store_mb(tmp_path / "readings.sqlite") == 0
    (tmp_path / "readings.sqlite").write_bytes(b"x" * 1_000_000)
    (tmp_path / "readings.sqlite-wal").write_bytes(b"x" * 500_000)
    assert store_mb(tmp_path / "readings.sqlite") == 1.5


def test_a_read_only_file_system_is_told() -> None:
    found = disk_of(Path("/sys"))
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    options = next((mount[3].split(",") for mount in reversed(mounts) if mount[1] == "/sys"), None)
    if found is None or options is None:
        pytest.skip("no /sys of its own here")
    assert found.read_only == ("ro" in options)
