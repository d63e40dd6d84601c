"""The image boots, measures, and loses nothing in a power cut; emulated, its camera is the simulated line."""

import io
import itertools
import json
import os
import shutil
import subprocess
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
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
from tests.brokers import Mosquitto, free_port
from tests.image.emulator import Box, Card, python_on_box
from tests.image.parts import ROOT
from tests.provision.authority import NOW, Authority, new_authority

_PROGRAMS = ("qemu-system-aarch64", "zstd", "mcopy", "sfdisk", "ssh", "ssh-keygen")
_IMAGE = Path(os.environ.get("JANBAN_IMAGE") or ROOT / "build/image/janban-latest.img.zst")
_READINGS_S = 1200.0
_CARD_MB = 4096
_FRAMES = 300
_EXPLAINED = {"tpu": "no Coral in an emulator", "clock": "no time server in its network"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(5400),
    pytest.mark.skipif(
        "JANBAN_IMAGE" not in os.environ and not _IMAGE.exists(), reason="no image; make image builds one"
    ),
    pytest.mark.skipif(
        "JANBAN_IMAGE" not in os.environ and not all(map(shutil.which, _PROGRAMS)),
        reason=f"needs {', '.join(_PROGRAMS)}",
    ),
]


def provision_file(authority: Authority, port: int) -> str:
    """An order for a box whose camera is the simulated line, and whose broker is this machine."""
    key = new_key()
    certificate = authority.sign(request(key, site="bench", device="emulated"))
    return f'''site = "bench"
device = "emulated"
[broker]
host = "10.0.2.2"
port = {port}
ca = """
{authority.pem}"""
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


@dataclass(frozen=True)
class Central:
    """A broker that lets boxes in by certificate, its other port for subscribers, and the order of a box."""

    mosquitto: Mosquitto
    subscriber_port: int
    order: str


@pytest.fixture
def central(tmp_path: Path, mosquitto_broker: Callable[[str], Mosquitto]) -> Central:
    authority = new_authority()
    key = new_key()
    long = timedelta(days=3000)
    certificate = authority.sign_server(key, "10.0.2.2", NOW - long, NOW + long)
    for name, text in (("ca.pem", authority.pem.encode()), ("broker.key", key), ("broker.pem", certificate)):
        (tmp_path / name).write_bytes(text)
    inner = free_port()
    # Sessions outlive the broker: what is published before the subscriber is back is not lost.
    mosquitto = mosquitto_broker(
        f"cafile {tmp_path}/ca.pem\ncertfile {tmp_path}/broker.pem\nkeyfile {tmp_path}/broker.key\n"
        "require_certificate true\nuse_identity_as_username true\n"
        f"listener {inner} 127.0.0.1\nallow_anonymous true\n"
        f"persistence true\npersistence_location {tmp_path}/\n"
    )
    return Central(mosquitto, inner, provision_file(authority, mosquitto.port))


@pytest.fixture
def box(tmp_path: Path, central: Central) -> Iterator[Box]:
    """A box that has never been on, with a key and an order on its boot partition."""
    key = tmp_path / "id_ed25519"
    subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key), check=True)
    card = Card.of(_IMAGE, tmp_path, _CARD_MB)
    (tmp_path / "provision.toml").write_text(central.order, encoding="utf-8")
    card.put("bootcfg", tmp_path / "provision.toml", "provision.toml")
    card.put("bootcfg", key.with_suffix(".pub"), "authorized_keys")
    machine = Box(card, tmp_path, key)
    yield machine
    machine.power_cut()


def start_patiently(box: Box) -> None:
    """Start the service anew, with more time for it than the unit gives: an emulated one may need minutes."""
    folder = "/run/systemd/system/janban.service.d"
    box.run(f"mkdir -p {folder} && printf '[Service]\\nTimeoutStartSec=600\\n' >{folder}/emulated.conf")
    box.run("systemctl daemon-reload; systemctl reset-failed janban; systemctl --no-block restart janban")


def measured(subscriber: Subscriber) -> int:
    """How many readings arrived that say what was left in a tray's wells."""
    return sum(bool(one.compartments) for one in list(subscriber.received.readings.values()))


def networks_answer(box: Box) -> bool:
    """Whether both networks of the image give more than one value for a picture, whatever time they take."""
    program = (
        "import numpy, pathlib\n"
        "from ai_edge_litert.interpreter import Interpreter\n"
        "for file in pathlib.Path('/opt/janban/models').glob('*.tflite'):\n"
        "    network = Interpreter(str(file))\n"
        "    network.allocate_tensors()\n"
        "    (taken,), given = network.get_input_details(), network.get_output_details()[0]\n"
        "    noise = numpy.random.default_rng(1).integers(-100, 100, taken['shape']).astype(taken['dtype'])\n"
        "    network.set_tensor(taken['index'], noise)\n"
        "    network.invoke()\n"
        "    print(numpy.unique(network.get_tensor(given['index'])).size)\n"
    )
    different = [int(line) for line in box.run(python_on_box(program)).split()]
    return len(different) == 2 and min(different) > 1


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


def test_a_box_measures_after_its_first_boot_and_loses_nothing_in_a_power_cut(
    tmp_path: Path, box: Box, central: Central, capsys: pytest.CaptureFixture[str]
) -> None:
    subscriber = Subscriber(central.subscriber_port)
    readings = subscriber.received.readings

    box.start()
    first_boot_s = box.wait_for_login()
    box.run("tar --extract --directory /var/lib/janban", stdin=simulated_line(tmp_path))
    box.run("chown -R janban:janban /var/lib/janban/calibration /var/lib/janban/line")
    box.run("systemctl start janban-provision")
    # Back projection alone: an emulated processor takes longer over a network than a box waits for one.
    box.run("sed --in-place '/^\\[models\\]/,/^$/d' /etc/janban/janban.toml")
    start_patiently(box)
    first_reading_s = wait_until(lambda: measured(subscriber) >= 3, "three trays measured", box)

    assert "ro" in box.run("findmnt --noheadings --output OPTIONS /").strip().split(",")
    assert not box.answers("touch /usr/written")
    assert int(box.run("findmnt --noheadings --bytes --output SIZE /data")) > (_CARD_MB - 2300) * 2**20
    assert "provision.toml" not in box.run("ls /boot/firmware").split()
    assert box.run("passwd --status root").split()[1] == "L"
    doctor = "runuser -u janban -- /opt/janban/bin/appliance doctor --json --config /etc/janban/janban.toml"
    checks = [json.loads(line) for line in box.run(f"{doctor}; true").splitlines()]
    complaints = [one for one in checks if one["state"] != "ok" and one["name"] not in _EXPLAINED]
    assert not complaints
    assert len(checks) > 10

    assert networks_answer(box)

    # Readings that nobody has acknowledged when the power goes.
    central.mosquitto.stop()
    wait_until(lambda: sum(not sent for _, _, sent in stored(box)) >= 3, "three unsent readings", box)
    before = stored(box)
    box.power_cut()
    central.mosquitto.start()
    box.start()
    second_boot_s = box.wait_for_login()
    start_patiently(box)
    wanted = {name for _, name, _ in before}
    arrived_s = wait_until(
        lambda: wanted <= {str(name) for name in readings} and len(readings) > len(wanted) + 3,
        "the readings of before the power cut, and new ones",
        box,
    )
    subscriber.close()

    numbers = sorted(one.sequence for one in readings.values())
    assert numbers == list(range(1, len(numbers) + 1))
    assert len({one.boot_id for one in readings.values()}) == 2
    assert not subscriber.received.invalid
    paths = Counter(one.path for one in readings.values())
    with capsys.disabled():
        print(f"\nfirst boot: login after {first_boot_s:.0f} s, three readings {first_reading_s:.0f} s later")
        print(f"second boot: login after {second_boot_s:.0f} s, all readings {arrived_s:.0f} s later")
        print(f"{len(numbers)} readings, {len(before)} before the power cut, {paths}")

    box.run("rm /boot/firmware/authorized_keys && systemctl --no-block restart ssh")
    wait_until(lambda: not box.answers("true"), "a closed door", box)
