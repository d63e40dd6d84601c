from pathlib import Path

import pytest

from appliance.config import Settings, parse
from appliance.doctor.instruments import Instruments
from appliance.service.machine import Machine
from tests.brokers import free_port
from tests.doctor.boxes import FakeCamera
from tests.inference.roots import plug_in, put


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return parse(
        f"""
        device = {{ site = "a", name = "b", state_dir = "state", calibration_dir = "calibration" }}
        camera = {{ kind = "usb" }}
        mqtt = {{ host = "127.0.0.1", port = {free_port()} }}
        """,
        folder=tmp_path,
    )


@pytest.fixture
def tools(tmp_path: Path) -> Instruments:
    """A box where all is well, except that it has no calibration, no broker, and no service that runs."""
    (tmp_path / "state").mkdir()
    plug_in(tmp_path, ("18d1", "9302"))
    put(tmp_path, "usr/lib/libedgetpu.so.1", "")
    put(tmp_path, "run/systemd/timesync/synchronized", "")
    put(tmp_path, "sys/class/thermal/thermal_zone0/temp", "48312\n")
    put(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "0\n")
    put(tmp_path, "sys/class/watchdog/watchdog0/state", "active\n")
    put(tmp_path, "sys/class/watchdog/watchdog0/timeout", "15\n")
    put(tmp_path, "proc/meminfo", "MemAvailable:  900000 kB\nCmaTotal: 262144 kB\nCmaFree: 200000 kB\n")
    put(tmp_path, "proc/mounts", "/dev/mmcblk0p2 / ext4 rw,noatime 0 0\n")
    return Instruments(
        machine=Machine(tmp_path),
        open_camera=FakeCamera(128),
        free_bytes=lambda _folder: 2_000_000_000,
        unit=dict,
        running=lambda _port: None,
    )
