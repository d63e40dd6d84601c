"""Makes the card of a running service read-only, starts one on such a card, and counts what gets lost.

`python -m tests.faults.failing_card --seconds 60` prints the figures; it needs root and mosquitto.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from appliance.camera.settings import SimulatorSettings
from appliance.camera.simulator import SimulatedLine
from appliance.picture import save_picture
from tests.brokers import Mosquitto
from tests.e2e.processes import appliance, start
from tests.e2e.test_failing_card import CONFIGURATION
from tests.publish.listener import Listener
from tests.readings.cards import FailingExt4, MountedCard

_END_S = 40.0
_LAST_S = 2.0
"""For the last acknowledgements."""


@dataclass(frozen=True)
class Outcome:
    """What the subscriber got: readings, the highest sequence, and what was wrong with them."""

    readings: int
    highest: int
    missing: int
    twice: int
    out_of_order: int
    exits: int
    complaints: list[str]


class Line:
    """A box's folder, its broker and its calibration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = Mosquitto(folder)
        self.exits = 0
        (folder / "run").mkdir()
        line = SimulatedLine(SimulatorSettings(width=1280, height=960, real_time=False))
        save_picture(folder / "empty.png", line.reference_empty())
        save_picture(folder / "full.png", line.reference_full())
        size_mm = "x".join(f"{mm:g}" for mm in line.layout.tray_mm)
        pictures = ("--empty", folder / "empty.png", "--full", folder / "full.png")
        made = appliance("calibrate", *pictures, "--tray-mm", size_mm, "--out", folder / "calibration")
        assert made.returncode == 0, made.stderr

    @contextmanager
    def service(self, card: Path) -> Iterator[None]:
        """Run the service with its state on a card, and stop it as systemd does."""
        os.environ["RUNTIME_DIRECTORY"] = str(self.folder / "run")
        file = self.folder / "janban.toml"
        file.write_text(
            CONFIGURATION.format(card=card, calibration=self.folder / "calibration", port=self.broker.port)
        )
        process: subprocess.Popen[str] = start("run", "--config", file)
        yield
        self.exits += process.poll() is not None
        process.terminate()
        process.communicate(timeout=_END_S)
        self.exits += process.returncode != 0
        time.sleep(_LAST_S)

    def outcome(self, listener: Listener) -> Outcome:
        """Return what came of it."""
        readings = listener.on("reading")
        numbers = [reading["sequence"] for reading in readings]
        ids = Counter(reading["id"] for reading in readings)
        return Outcome(
            readings=len(ids),
            highest=max(numbers),
            missing=max(numbers) - len(set(numbers)),
            twice=len(readings) - len(ids),
            out_of_order=sum(one > other for one, other in pairwise(numbers)),
            exits=self.exits,
            complaints=listener.on("health")[-1]["degraded"],
        )


def amid_the_line(line: Line, seconds: float) -> Outcome:
    """Let ext4 give up on its card, and start the service once more on it."""
    card = FailingExt4(line.folder / "failing")
    with Listener(line.broker.port) as listener:
        with line.service(card.folder):
            time.sleep(seconds)
            card.turn_read_only()
            time.sleep(seconds)
        with line.service(card.folder):
            time.sleep(seconds)
        card.remove()
        return line.outcome(listener)


def at_the_start(line: Line, seconds: float) -> Outcome:
    """Start on a read-only card that holds unsent readings."""
    for file in (line.folder / "run").iterdir():
        file.unlink()
    card = MountedCard(line.folder / "mounted")
    line.broker.stop()
    with line.service(card.folder):
        time.sleep(seconds / 3)
    card.turn_read_only()
    line.broker.start()
    with Listener(line.broker.port) as listener:
        with line.service(card.folder):
            time.sleep(seconds)
        card.remove()
        return line.outcome(listener)


def main() -> None:
    """Print both outcomes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="before each fault, and after it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        line = Line(Path(place))
        line.broker.start()
        try:
            for part in (amid_the_line, at_the_start):
                print(json.dumps({part.__name__: asdict(part(line, options.seconds))}, indent=1))
        finally:
            line.broker.stop()


if __name__ == "__main__":
    main()
