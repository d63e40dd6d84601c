"""An update's trial boot, to its end: emulated, the firmware's part is tests/image/firmware.py."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.remote.signature import new_key, public_text
from appliance.update.autoboot import Autoboot, parse
from appliance.update.trial import DEADLINE_S
from benchmarks.soak.subscriber import Subscriber
from tests.image.bench import (
    DEVICE,
    IMAGE,
    NEEDS_IMAGE,
    SITE,
    Central,
    measured,
    set_up,
    simulated_line,
    stored,
    wait_until,
)
from tests.image.bundles import KEY, PROGRAMS, make_bundles, menu_bundle, stick_with
from tests.image.card import Card
from tests.image.emulator import HOST, Box
from tests.image.firmware import asked_for_trial
from tests.image.time_server import time_server

pytestmark = [
    *NEEDS_IMAGE,
    pytest.mark.skipif(not (KEY / "key.pem").exists(), reason=f"no {KEY}; make update-key makes one"),
    pytest.mark.skipif(not all(map(shutil.which, PROGRAMS)), reason=f"needs {', '.join(PROGRAMS)}"),
]

MEAL = "불고기 덮밥"

_INSTALL_S = 2400.0
_TEN_FAILURES_S = 1500.0
"""StartLimitIntervalSec of the service's unit."""

_BOOT_S = 600.0
"""From a login until the service has started, emulated."""

Phase = Callable[[str], AbstractContextManager[None]]


@pytest.fixture
def phase(capsys: pytest.CaptureFixture[str]) -> Phase:
    """Return a function that says how long a part of the test took."""

    @contextmanager
    def timed(what: str) -> Iterator[None]:
        began_s = time.monotonic()
        yield
        with capsys.disabled():
            print(f"\n{what}: {time.monotonic() - began_s:.0f} s", end="", flush=True)

    return timed


@pytest.fixture
def clock() -> Iterator[None]:
    """Have a time server where the box looks for one; without a true clock it obeys no command."""
    try:
        with time_server():
            yield
    except OSError as error:
        pytest.skip(f"a time server cannot listen here: {error}")


def autoboot(card: Card) -> Autoboot:
    """What the firmware would read on the card, did the power fail now."""
    return parse(card.text("bootcfg", "autoboot.txt"))


def status(box: Box) -> dict[str, str]:
    """What the box says of its slots and its last update."""
    return dict(json.loads(box.run("appliance update status --json")))


def summary(box: Box) -> tuple[str, ...]:
    """Which slot runs, the default, the state of the other one, whether a trial is due, the last update."""
    told = status(box)
    return tuple(told[key] for key in ("runs", "default", "spare", "trial", "last"))


def runs_from(box: Box) -> str:
    """The label of the partition that is the root."""
    return box.run("lsblk --noheadings --output PARTLABEL $(findmnt --noheadings --output SOURCE /)").strip()


def wait_for_default(box: Box, slot: str) -> None:
    """Wait until a slot is the default one; at every moment until then the card has to name one."""
    began_s = time.monotonic()
    while autoboot(box.card).default != slot:
        assert box.is_on, "it was given up"
        assert time.monotonic() - began_s < DEADLINE_S + _BOOT_S, box.run("journalctl -b --no-pager -n 80")
        time.sleep(0.2)


def command_update(central: Central, key: Path) -> None:
    """Ask for the update as an operator does."""
    broker = ("--host", "127.0.0.1", "--port", str(central.subscriber_port))
    where = ("--site", SITE, "--device", DEVICE, "--key", str(key), "--timeout", "300")
    command = (sys.executable, "-m", "appliance.cli", "command", "update", *broker, *where)
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=400)
    assert ran.returncode == 0, ran.stderr


def meals(subscriber: Subscriber) -> set[str | None]:
    """Which meals the readings carry that arrived."""
    return {one.meal for one in list(subscriber.received.readings.values())}


def boots(subscriber: Subscriber) -> dict[str, int]:
    """How many readings arrived from each boot of the box."""
    counts: dict[str, int] = {}
    for one in list(subscriber.received.readings.values()):
        counts[str(one.boot_id)] = counts.get(str(one.boot_id), 0) + 1
    return counts


@pytest.mark.usefixtures("clock")
def test_an_update_stays_if_it_measures_and_is_left_if_it_does_not(
    tmp_path: Path, new_box: Callable[..., Box], central: Central, phase: Phase
) -> None:
    operator = f'[ali]\nkey = "{public_text(new_key(tmp_path / "ali.pem"))}"\ncommands = ["update"]\n'
    box = new_box(central.order(operator))
    # As docs/image.md says it: an emulated network tells of no time server.
    (tmp_path / "timesyncd.conf").write_text(f"[Time]\nNTP={HOST}\n", encoding="ascii")
    box.card.put("bootcfg", tmp_path / "timesyncd.conf", "timesyncd.conf")
    if box.card.text_of_root("root_a", "/etc/rauc/keyring.pem") != (KEY / "cert.pem").read_text():
        pytest.skip(
            f"no update for this image is signed here: make image UPDATE_KEYRING={KEY}/cert.pem BENCH=1"
        )
    with phase("two bundles packed"):
        bundles = make_bundles(IMAGE, tmp_path)
    subscriber = Subscriber(central.subscriber_port)
    readings = subscriber.received.readings

    with phase("first boot, until somebody can log in"):
        assert box.start() == "boot_a"
        box.wait_for_login()
    with phase("three trays measured, and a clock"):
        set_up(box, simulated_line(tmp_path))
        wait_until(lambda: measured(subscriber) >= 3, "three trays measured", box)
        wait_until(lambda: box.answers("test -e /run/systemd/timesync/synchronized"), "a clock", box)

    # A menu alone first: the service starts anew with it, the machine does not.
    with phase("a menu alone, by command, until it stays"):
        box.copy(menu_bundle(tmp_path, MEAL, datetime.now(UTC)), "/var/lib/janban/updates/")
        command_update(central, tmp_path / "ali.pem")
        wait_until(lambda: " stays: " in (status(box)["last_menu_outcome"] or ""), "the menu's trial", box)
    wait_until(lambda: MEAL in meals(subscriber), "a reading with the meal", box)
    box.run("rm /var/lib/janban/updates/*")

    # As docs/update.md says it: the bundle is copied, and an operator asks for it.
    with phase("bundle copied"):
        box.copy(bundles.sound, "/var/lib/janban/updates/")
    before = measured(subscriber)
    with phase("command answered"):
        command_update(central, tmp_path / "ali.pem")
    with phase("installed, and restarted for the trial"):
        box.wait_for_restart(_INSTALL_S, "-u janban-install -u rauc -u janban")
    assert asked_for_trial(box.said())
    assert autoboot(box.card) == Autoboot("A", spare_good=True, trial="begun")
    assert measured(subscriber) > before, "the line stood still while the slot was written"

    with phase("trial boot, until somebody can log in"):
        assert box.start() == "boot_b"
        box.wait_for_login()
    assert runs_from(box) == "root_b"
    assert not box.answers("touch /usr/written")
    with phase("on trial, until it stays"):
        wait_for_default(box, "B")
    assert autoboot(box.card) == Autoboot("B", spare_good=True)
    wait_until(lambda: status(box)["last_outcome"].startswith("slot B stays"), "the record", box)
    assert summary(box) == ("B", "B", "good", "none", "janban-1")
    assert len(boots(subscriber)) == 2

    # A system whose service does not start, on a stick.
    with phase("stick found, bundle installed, and restarted for the trial"):
        box.plug(stick_with(bundles.broken, tmp_path / "stick.img"))
        box.wait_for_restart(_INSTALL_S, "-u janban-stick@* -u rauc -u janban")
    assert asked_for_trial(box.said())
    assert autoboot(box.card) == Autoboot("B", spare_good=True, trial="begun")
    seen = boots(subscriber)
    with phase("trial boot of a service that does not start, until it restarts the machine"):
        assert box.start() == "boot_a"
        box.wait_for_restart(_TEN_FAILURES_S, "-u janban -u janban-update")
    assert not asked_for_trial(box.said())

    with phase("back, until somebody can log in"):
        assert box.start() == "boot_b"
        box.wait_for_login()
    assert runs_from(box) == "root_b"
    with phase("three trays measured, and the record"):
        wait_until(lambda: sum(boots(subscriber).values()) >= sum(seen.values()) + 3, "new readings", box)
        wait_until(lambda: "did not come up" in status(box)["last_outcome"], "the record", box)
    assert autoboot(box.card) == Autoboot("B", spare_good=False)
    assert summary(box) == ("B", "B", "empty or bad", "none", "janban-2")
    # The stick is still there.
    wait_until(
        lambda: "was installed before" in box.run("journalctl --boot --no-pager -u 'janban-stick@*'"),
        "the stick is looked at again",
        box,
    )

    names = {name for _, name, _ in stored(box)}
    wait_until(lambda: names <= {str(name) for name in readings}, "every reading that the box has", box)
    subscriber.close()
    numbers = sorted(one.sequence for one in readings.values())
    assert numbers == list(range(1, len(numbers) + 1))
    # The menu outlived the system that it came to.
    assert max(readings.values(), key=lambda one: one.sequence).meal == MEAL
    assert not subscriber.received.invalid
    assert len(boots(subscriber)) == 3
