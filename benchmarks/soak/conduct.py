"""Conducts a soak: sets the stage, inflicts the faults in their time, and gathers what there is to tell."""

import contextlib
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from appliance.camera.settings import SimulatorSettings
from appliance.camera.simulator import SimulatedLine
from appliance.config_keys import toml
from appliance.errors import JanbanError
from appliance.picture import save_picture
from appliance.readings.browse import stored_readings
from appliance.readings.reading import Reading
from appliance.readings.settings import StoreSettings
from appliance.readings.store import Store
from appliance.service.assemble import STORE_FILE
from benchmarks.measure import appliance
from benchmarks.soak.beats import Beat, Record
from benchmarks.soak.broker import Broker
from benchmarks.soak.faults import THROTTLING, Bench, Overcome, inflict, step_s
from benchmarks.soak.line_report import Steps
from benchmarks.soak.manager import Figures, Manager
from benchmarks.soak.network import Relay
from benchmarks.soak.passages import Passage, passages
from benchmarks.soak.plan import Fault
from benchmarks.soak.samples import Sample, Sampler
from benchmarks.soak.scene import Scene
from benchmarks.soak.subscriber import Received, Subscriber

_LOG = logging.getLogger(__name__)

_READY_S: Final = 60.0
_DRAIN_S: Final = 60.0
_PATIENCE_S: Final = 60.0
_DISK_MB: Final = 24

STEADY: Final = dict.fromkeys(("set_down", "nudge", "stay", "hand", "napkin", "lamps", "empty"), 0.0)
"""Weights of what interrupts a line, all left out: trays come at the pace that is asked for."""


@dataclass(frozen=True)
class Played:
    """All that a soak saw; moments are monotonic. `stored` are the readings of the store at the end, by id.

    `from_s` and `to_s` bound what counts: from the first moment that all was well to the last fault's turn.
    """

    started_s: float
    from_s: float
    to_s: float
    passages: list[Passage]
    overcome: list[Overcome]
    beats: list[Beat]
    samples: list[Sample]
    received: Received
    stored: list[Reading]
    steps: Steps
    starts: int
    starved: int
    exit_status: int | None
    lost_by_store: int

    def keep(self, folder: Path) -> None:
        """Write what the line showed and what arrived, a line of JSON each, for a closer look."""
        shown = "".join(json.dumps(asdict(one)) + "\n" for one in self.passages)
        (folder / "passages.jsonl").write_text(shown, encoding="utf-8")
        arrived = (
            {
                "line_s": self.steps.monotonic_s(one.captured_at) - self.started_s,
                **one.model_dump(mode="json"),
            }
            for one in self.received.readings.values()
        )
        lines = "".join(json.dumps(one) + "\n" for one in arrived)
        (folder / "readings.jsonl").write_text(lines, encoding="utf-8")
        beats = "".join(json.dumps(asdict(one)) + "\n" for one in self.beats)
        (folder / "beats.jsonl").write_text(beats, encoding="utf-8")


def play(
    faults: Sequence[Fault], minutes: float, camera: SimulatorSettings, models: Path, keep: Path | None
) -> Played:
    """Run a soak of some minutes; `keep` is a folder for its files, which must not exist yet."""
    with contextlib.ExitStack() as stack:
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=keep is None)
        disk = stack.enter_context(_small_disk(folder / "state"))
        scene = Scene(folder / "scene")
        scene.folder.mkdir()
        scene.show(THROTTLING, "0x0")
        scene.show("sys/class/thermal/thermal_zone0/temp", "48000")
        scene.show("run/systemd/timesync/synchronized", "")
        broker = Broker(folder / "broker")
        broker.start()
        stack.callback(broker.stop)
        relay = Relay(broker.port)
        stack.callback(relay.close)
        subscriber = Subscriber(broker.port)
        stack.callback(subscriber.close)
        record = Record()
        stack.callback(record.close)
        _calibrate(folder)
        config = _configure(folder, camera, relay.port, models)
        shown = passages(camera, 60 * minutes + _READY_S)
        started_s = time.monotonic()
        command = [sys.executable, "-m", "benchmarks.soak.box", str(config), str(scene.folder)]
        manager = Manager([*command, repr(started_s), record.address], folder / "service.log", Figures.of())
        manager.start()
        bench = Bench(scene, manager, relay, broker, record, subscriber, disk)
        try:
            return _conduct(bench, faults, minutes, shown=shown, folder=folder, started_s=started_s)
        finally:
            if manager.pid is not None:
                manager.stop()


def _conduct(
    bench: Bench,
    faults: Sequence[Fault],
    minutes: float,
    *,
    shown: list[Passage],
    folder: Path,
    started_s: float,
) -> Played:
    utc_s = time.time() - time.monotonic()
    ready_s = _await(bench, lambda beat: beat.answering and beat.connected, _READY_S)
    sampler = Sampler(bench.manager)
    _LOG.info("ready after %.1f s; %d faults in %.1f minutes", ready_s - started_s, len(faults), minutes)
    overcome, spans = [], []
    for number, fault in enumerate(faults, start=1):
        time.sleep(max(0.0, ready_s + fault.at_s - time.monotonic()))
        _LOG.info("%d/%d %s", number, len(faults), fault.kind)
        began_s = time.monotonic()
        done = inflict(fault, number, bench, _PATIENCE_S)
        overcome.append(done)
        if fault.kind == "clock step":
            spans.append((began_s, time.monotonic(), step_s(number)))
        told = "not recovered" if done.recovered_s is None else f"recovered after {done.recovered_s:.2f} s"
        _LOG.info("%d/%d %s: %s", number, len(faults), fault.kind, told)
    time.sleep(max(0.0, ready_s + 60 * minutes - time.monotonic()))
    to_s = time.monotonic()
    sampler.close()
    _await(bench, lambda beat: beat.pending == 0 and beat.waiting == 0, _DRAIN_S)
    status = bench.manager.stop()
    time.sleep(1.0)  # what the broker is just passing on
    stored, lost = _stored(folder / "state")
    first_s, last_s = ready_s - started_s, to_s - started_s
    return Played(
        started_s=started_s,
        from_s=ready_s,
        to_s=to_s,
        passages=[one for one in shown if one.first_s >= first_s + 1 and one.last_s <= last_s - 1],
        overcome=overcome,
        beats=bench.record.beats,
        samples=sampler.samples,
        received=bench.subscriber.received,
        stored=stored,
        steps=Steps(utc_s, tuple(spans)),
        starts=len(bench.manager.starts),
        starved=bench.manager.starved,
        exit_status=status,
        lost_by_store=lost,
    )


def _await(bench: Bench, well: Callable[[Beat], bool], patience_s: float) -> float:
    """Wait for a beat that is well; return its moment, or the present where none came in time."""
    until_s = time.monotonic() + patience_s
    while time.monotonic() < until_s:
        if bench.record.beats and well(bench.record.beats[-1]):
            return bench.record.beats[-1].at_s
        time.sleep(0.05)
    _LOG.error("not ready after %.0f s: %s", patience_s, bench.record.beats[-1:])
    return time.monotonic()


def _stored(state: Path) -> tuple[list[Reading], int]:
    """Return the readings that the store has at the end, and how many it ever gave up."""
    with Store(state / STORE_FILE, StoreSettings()) as store:
        lost = store.counts().lost
    return list(stored_readings(state / STORE_FILE)), lost


@contextlib.contextmanager
def _small_disk(folder: Path) -> Iterator[Path | None]:
    """Mount a disk that can be filled without harm; give None where that is not allowed."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, check=False, capture_output=True)  # noqa: S603 - a fixed command
    if mounted.returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=False)  # noqa: S603, S607 - a fixed command


def _calibrate(folder: Path) -> None:
    line = SimulatedLine(SimulatorSettings(width=1280, height=960))
    empty, full = folder / "empty.png", folder / "full.png"
    save_picture(empty, line.reference_empty())
    save_picture(full, line.reference_full())
    size_mm = f"{line.layout.tray_mm[0]:g}x{line.layout.tray_mm[1]:g}"
    pictures = ("--empty", str(empty), "--full", str(full), "--tray-mm", size_mm)
    if appliance("calibrate", *pictures, "--out", str(folder / "calibration")):
        raise JanbanError("the simulated line's own references cannot be calibrated with")


def _configure(folder: Path, camera: SimulatorSettings, port: int, models: Path) -> Path:
    keys = {name: value for name, value in camera.model_dump().items() if name != "kind"}
    sections = {
        "device": {
            "site": "soak",
            "name": "box",
            "state_dir": folder / "state",
            "calibration_dir": folder / "calibration",
        },
        "camera": {"kind": "simulator", **keys},
        "store": {"max_mb": 8.0},
        "mqtt": {"host": "127.0.0.1", "port": port},
        "models": {"folder": models.absolute()},
    }
    file = folder / "janban.toml"
    file.write_text(
        "".join(
            f"[{section}]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in values.items())
            for section, values in sections.items()
        ),
        encoding="utf-8",
    )
    return file
