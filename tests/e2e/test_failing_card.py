"""`appliance run` on a card at its end: trays go on being measured, and their readings being sent."""

import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.readings.settings import StoreSettings
from appliance.readings.store import Store
from tests.brokers import Mosquitto
from tests.e2e.processes import start
from tests.publish.listener import Listener, eventually
from tests.readings.cards import FailingExt4, MountedCard
from tests.readings.examples import draft

CONFIGURATION = """
device = {{ site = "canteen", name = "line-1", state_dir = "{card}", calibration_dir = "{calibration}" }}
mqtt = {{ host = "127.0.0.1", port = {port}, backoff_first_s = 0.1, will_delay_s = 0 }}
service = {{ metrics_port = 0 }}
camera = {{ kind = "simulator", width = 480, height = 360, trays_per_minute = 60, angle = "any" }}
"""

Start = Callable[[Path], subprocess.Popen[str]]


@pytest.fixture
def run(
    mosquitto: Mosquitto, calibration: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Start]:
    """Return a function that starts the service with its state on a card."""
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    running: list[subprocess.Popen[str]] = []

    def run(card: Path) -> subprocess.Popen[str]:
        file = tmp_path / "janban.toml"
        file.write_text(CONFIGURATION.format(card=card, calibration=calibration, port=mosquitto.port))
        running.append(start("run", "--config", file))
        return running[-1]

    yield run
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def ext4(tmp_path: Path) -> Iterator[FailingExt4]:
    card = FailingExt4(tmp_path / "card")
    yield card
    card.remove()


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[MountedCard]:
    card = MountedCard(tmp_path / "card")
    yield card
    card.remove()


def sequences(listener: Listener) -> list[int]:
    return [reading["sequence"] for reading in listener.on("reading")]


def more(listener: Listener, count: int) -> None:
    enough = len(listener.on("reading")) + count
    eventually(lambda: len(listener.on("reading")) >= enough, f"{count} more readings")


def told(listener: Listener) -> str:
    return str(listener.on("health")[-1]["degraded"])


def test_a_card_that_turns_read_only_amid_the_line_costs_no_reading(
    mosquitto: Mosquitto, run: Start, ext4: FailingExt4
) -> None:
    with Listener(mosquitto.port) as listener:
        first = run(ext4.folder)
        more(listener, 3)
        ext4.turn_read_only()
        more(listener, 4)
        # That it is mounted read-only may be told before the first reading is refused.
        eventually(lambda: listener.on("health")[-1]["readings"]["in_memory"], "it is known")
        assert listener.on("health")[-1]["state"] == "degraded"
        assert "replace the SD card" in told(listener)
        assert first.poll() is None
        first.kill()
        first.wait(10)
        second = run(ext4.folder)
        more(listener, 3)
        assert second.poll() is None
    numbers = sequences(listener)
    assert sorted(set(numbers)) == list(range(1, max(numbers) + 1)), "none is missing"
    assert max(Counter(numbers).values()) <= 2, "what a kill overtook comes twice, and no more often"


def test_a_start_on_a_read_only_card_measures_and_sends_what_is_on_it(
    mosquitto: Mosquitto, run: Start, mounted: MountedCard
) -> None:
    with Store(mounted.folder / "readings.sqlite", StoreSettings(), ballast=True) as store:
        earlier = [str(store.add(draft()).id) for _ in range(5)]
    mounted.turn_read_only()
    with Listener(mosquitto.port) as listener:
        process = run(mounted.folder)
        more(listener, 8)
        eventually(lambda: "replace the SD card" in told(listener), "the complaint")
        assert process.poll() is None
        process.terminate()
        assert process.wait(30) == 0, "a stop is no failure either"
    readings = listener.on("reading")
    assert [reading["id"] for reading in readings][:5] == earlier
    assert sequences(listener) == list(range(1, len(readings) + 1)), "each once, in order"


def test_a_start_on_a_card_without_a_folder_for_the_state_is_no_end(
    mosquitto: Mosquitto, run: Start, mounted: MountedCard
) -> None:
    mounted.turn_read_only()
    with Listener(mosquitto.port) as listener:
        run(mounted.folder / "state")
        more(listener, 2)
        eventually(lambda: "replace the SD card" in told(listener), "the complaint")
