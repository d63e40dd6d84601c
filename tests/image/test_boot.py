"""The image boots, measures, and loses nothing in a power cut; emulated, its camera is the simulated line."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.soak.subscriber import Subscriber
from tests.image.bench import (
    CARD_MB,
    NEEDS_IMAGE,
    Central,
    measured,
    set_up,
    simulated_line,
    stored,
    wait_until,
)
from tests.image.emulator import Box, python_on_box

pytestmark = NEEDS_IMAGE

_EXPLAINED = {"tpu": "no Coral in an emulator", "clock": "no time server in its network"}


def faults_of_networks(box: Box) -> list[str]:
    """How the answers of both networks differ from the workstation's, a line each: "None" if they agree."""
    program = (
        "import pathlib\n"
        "from appliance.inference.board import size_of\n"
        "from appliance.inference.both import open_both\n"
        "from appliance.inference.encode import Encoder\n"
        "from appliance.inference.parity import parity_of\n"
        "from appliance.inference.selection import select\n"
        "selection = select(pathlib.Path('/opt/janban/models'))\n"
        "record = parity_of(selection.folder, selection)\n"
        "for network, engine in open_both(selection, 1, pathlib.Path('/'), 'cpu').items():\n"
        "    picture = record.pictures[size_of(engine.file)]\n"
        "    outputs = engine.run(Encoder(engine.file.input).encode(picture))\n"
        "    for one in record.compare(network, engine.file, outputs):\n"
        "        print(one.fault)\n"
    )
    return box.run(python_on_box(program)).splitlines()


def test_a_box_measures_after_its_first_boot_and_loses_nothing_in_a_power_cut(
    tmp_path: Path, new_box: Callable[..., Box], central: Central, capsys: pytest.CaptureFixture[str]
) -> None:
    box = new_box(central.order())
    subscriber = Subscriber(central.subscriber_port)
    readings = subscriber.received.readings

    box.start()
    first_boot_s = box.wait_for_login()
    set_up(box, simulated_line(tmp_path))
    first_reading_s = wait_until(lambda: measured(subscriber) >= 3, "three trays measured", box)

    assert "ro" in box.run("findmnt --noheadings --output OPTIONS /").strip().split(",")
    assert not box.answers("touch /usr/written")
    assert int(box.run("findmnt --noheadings --bytes --output SIZE /data")) > (CARD_MB - 2300) * 2**20
    assert "provision.toml" not in box.run("ls /boot/firmware").split()
    assert box.run("passwd --status root").split()[1] == "L"
    doctor = "runuser -u janban -- /opt/janban/bin/appliance doctor --json --config /etc/janban/janban.toml"
    checks = [json.loads(line) for line in box.run(f"{doctor}; true").splitlines()]
    complaints = [one for one in checks if one["state"] != "ok" and one["name"] not in _EXPLAINED]
    assert not complaints
    assert len(checks) > 10

    faults = faults_of_networks(box)
    assert len(faults) >= 2
    assert set(faults) == {"None"}

    # Readings that nobody has acknowledged when the power goes.
    central.mosquitto.stop()
    wait_until(lambda: sum(not sent for _, _, sent in stored(box)) >= 3, "three unsent readings", box)
    before = stored(box)
    box.power_cut()
    central.mosquitto.start()
    box.start()
    second_boot_s = box.wait_for_login()
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
