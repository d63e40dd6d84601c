"""A bench for an emulated box: a broker, an order for the box, the simulated line as its camera."""

import io
import itertools
import json
import os
import shutil
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import cv2
import pytest

from appliance.camera.settings import SimulatorSettings
from appliance.camera.simulator import SimulatedLine
from appliance.provision.certificate import new_key, request
from appliance.tray.calibration import calibrate
from appliance.tray.calibration_folder import save_calibration
from benchmarks.soak.subscriber import Subscriber
from tests.brokers import Mosquitto
from tests.image.emulator import HOST, Box, python_on_box
from tests.image.parts import ROOT
from tests.provision.authority import NOW, Authority

IMAGE = Path(os.environ.get("JANBAN_IMAGE") or ROOT / "build/image/janban-latest.img.zst")
SITE, DEVICE = "bench", "emulated"
CARD_MB = 4096
LONG = timedelta(days=3000)

_PROGRAMS = ("qemu-system-aarch64", "zstd", "mcopy", "sfdisk", "ssh", "ssh-keygen")
_READINGS_S = 1200.0
_FRAMES = 300

NEEDS_IMAGE = [
    pytest.mark.slow,
    pytest.mark.timeout(5400),
    pytest.mark.skipif(
        "JANBAN_IMAGE" not in os.environ and not IMAGE.exists(), reason="no image; make image builds one"
    ),
    pytest.mark.skipif(
        "JANBAN_IMAGE" not in os.environ and not all(map(shutil.which, _PROGRAMS)),
        reason=f"needs {', '.join(_PROGRAMS)}",
    ),
]


@dataclass(frozen=True)
class Central:
    """A broker that lets boxes in by certificate, its other port for subscribers, and who signs for it."""

    mosquitto: Mosquitto
    subscriber_port: int
    authority: Authority

    def order(self, operators: str = "") -> str:
        """A provision file: the camera is the simulated line, the broker this machine."""
        key = new_key()
        certificate = self.authority.sign(request(key, site=SITE, device=DEVICE), until=NOW + LONG)
        taken = f"operators = '''\n{operators}'''" if operators else ""
        return f'''site = "{SITE}"
device = "{DEVICE}"
{taken}
[broker]
host = "{HOST}"
port = {self.mosquitto.port}
ca = """
{self.authority.pem}"""
[identity]
kind = "certificate"
certificate = """
{certificate.decode()}"""
key = """
{key.decode()}"""
[camera]
kind = "replay"
path = "/var/lib/janban/line"
fps = 2
loop = true
'''


def simulated_line(folder: Path) -> bytes:
    """The calibration to the simulated line's own trays, and a minute of that line, as a tar archive.

    Painted here: an emulated processor has enough to do with measuring.
    """
    line = SimulatedLine(SimulatorSettings(width=1280, height=960))
    calibration = calibrate(line.reference_empty(), line.reference_full(), line.layout.tray_mm)
    save_calibration(calibration, folder / "calibration")
    pictures = folder / "line"
    pictures.mkdir()
    pace = SimulatorSettings(width=480, height=360, fps=5, trays_per_minute=20, real_time=False)
    with SimulatedLine(pace) as line:
        for number in range(_FRAMES):
            frame = line.read(1.0)
            assert cv2.imwrite(str(pictures / f"{number:04}.jpg"), frame.image)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(folder / "calibration", "calibration")
        tar.add(pictures, "line")
    return archive.getvalue()


def set_up(box: Box, line: bytes) -> None:
    """Give a box that has its order a calibration and a camera, and start its service with them."""
    # It began without both: that start is none of those that the doctor counts.
    box.run("systemctl stop janban; rm --force /var/lib/janban/starts.json")
    box.run("tar --extract --directory /var/lib/janban", stdin=line)
    box.run("chown -R janban:janban /var/lib/janban/calibration /var/lib/janban/line")
    box.run("systemctl start janban-provision")
    # Back projection alone: an emulated processor takes longer over a network than a box waits for one.
    box.run("sed --in-place '/^\\[models\\]/,/^$/d' /etc/janban/janban.toml")
    box.run("systemctl reset-failed janban; systemctl --no-block start janban")


def wait_until(true: Callable[[], bool], what: str, box: Box) -> float:
    """Wait until something is true; return the seconds that took."""
    began_s = time.monotonic()
    # Seldom: for an emulated processor a login is work.
    for rounds in itertools.count(1):
        if true():
            break
        given_up = time.monotonic() - began_s > _READINGS_S
        if given_up or (rounds % 10 == 0 and box.answers("systemctl --quiet is-failed janban")):
            journal = box.run("journalctl --boot --no-pager -u janban -u janban-provision -n 80")
            pytest.fail(f"{what}: not within {_READINGS_S:g} s; {journal}")
        time.sleep(5)
    return time.monotonic() - began_s


def measured(subscriber: Subscriber) -> int:
    """How many readings arrived that say what was left in a tray's wells."""
    return sum(bool(one.compartments) for one in list(subscriber.received.readings.values()))


def stored(box: Box) -> list[tuple[int, str, bool]]:
    """Sequence, id, and whether it was sent, of every reading that the box has."""
    program = (
        "import json, sqlite3, pathlib\n"
        "file = pathlib.Path('/var/lib/janban/readings.sqlite')\n"
        "rows = sqlite3.connect(f'file:{file}?mode=ro', uri=True).execute(\n"
        "    'SELECT sequence, id, sent_at_s IS NOT NULL FROM reading ORDER BY sequence').fetchall()\n"
        "print(json.dumps(rows))"
    )
    return [(number, name, bool(sent)) for number, name, sent in json.loads(box.run(python_on_box(program)))]
