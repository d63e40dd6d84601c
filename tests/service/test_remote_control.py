"""What commands do to a box, without a broker."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from appliance.camera.frame import Frame
from appliance.camera.settings import SimulatorSettings
from appliance.camera.simulator import SimulatedLine
from appliance.clock import SystemClock
from appliance.config import Settings, parse
from appliance.errors import ConfigError
from appliance.estimate.settings import EstimateSettings
from appliance.picture import Picture, load_picture
from appliance.publish.topics import Topics
from appliance.remote.ask import make_request
from appliance.remote.gate import Gate
from appliance.remote.signature import public_text, sign
from appliance.service.pipeline import TrayMeasurer
from appliance.service.remote_control import RemoteControl, open_remote
from appliance.tray.calibration import Calibration, calibrate, load_calibration, save_calibration
from tests.publish.listener import eventually
from tests.readings.examples import ORIGIN
from tests.remote.operators import ALI, OPERATORS
from tests.service.lines import tray_event

CLOCK = SystemClock()
LINE = SimulatedLine(SimulatorSettings(width=1280, height=960, real_time=False))
FULL = LINE.reference_full()


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return calibrate(LINE.reference_empty(), FULL, LINE.layout.tray_mm)


def settings(folder: Path, commands: str = "") -> Settings:
    return parse(
        '[device]\nsite = "north"\nname = "line-1"\n'
        'state_dir = "state"\ncalibration_dir = "state/calibration"\n'
        f'[camera]\nkind = "simulator"\n[commands]\n{commands}',
        folder=folder,
    )


class Box:
    """A remote control, and trays that pass it."""

    def __init__(self, remote: RemoteControl, calibration: Calibration) -> None:
        self.remote = remote
        self._measurer = TrayMeasurer(calibration, EstimateSettings().parameters(), CLOCK)
        self.trays = 0

    def see(self, picture: Picture) -> None:
        self.trays += 1
        moment = datetime(2026, 3, 2, 3, 0, self.trays, tzinfo=UTC)
        event = tray_event(Frame(picture, 0.0, moment, self.trays))
        self.remote.see(event, self._measurer.measure(picture))

    def ask(self, command: str, tray: Picture | None = None, **arguments: str) -> dict[str, Any]:
        """Return the result of a command, given by somebody who may, once a tray has passed."""
        request = make_request(Topics("north", "line-1"), command, arguments, 300, CLOCK)
        self.remote.desk.take(command, sign(request, ALI).model_dump_json().encode(), retained=False)
        if tray is not None:
            eventually(self.remote._next_tray._wanted.is_set, "waiting for a tray")
            self.see(tray)
        eventually(lambda: self.remote.desk.waiting() != [], "a result")
        [letter] = self.remote.desk.waiting()
        self.remote.desk.told(letter.key)
        result: dict[str, Any] = json.loads(letter.payload)
        return result


@contextmanager
def box(
    folder: Path, calibration: Calibration, commands: str = "", diagnostics: Callable[[], bytes] | None = None
) -> Iterator[Box]:
    (folder / "state").mkdir(exist_ok=True)
    if not (folder / "state" / "calibration").exists():
        save_calibration(calibration, folder / "state" / "calibration")
    gate = Gate(OPERATORS, "north", "line-1", CLOCK.utc, lambda: True)
    remote = RemoteControl(settings(folder, commands), gate, CLOCK, diagnostics)
    remote.start(lambda: None)
    try:
        yield Box(remote, calibration)
    finally:
        remote.stop(30.0)
        remote.close()


def test_readings_carry_the_meal_that_was_set(tmp_path: Path, calibration: Calibration) -> None:
    with box(tmp_path, calibration) as one:
        assert one.remote.meal(CLOCK.utc()) is None
        result = one.ask("menu", meal="불고기")
        assert (result["status"], result["data"]["meal"]) == ("done", "불고기")
    with box(tmp_path, calibration) as one:
        assert one.remote.meal(CLOCK.utc()) == "불고기"
        assert one.ask("menu", meal="")["data"] == {"meal": None, "until": None}
        assert one.remote.meal(CLOCK.utc()) is None


def test_a_sample_stays_on_the_box(tmp_path: Path, calibration: Calibration) -> None:
    with box(tmp_path, calibration, "samples = 2") as one:
        files = []
        for _ in range(3):
            result = one.ask("capture", FULL, wait_s="30")
            assert result["status"] == "done"
            assert result["attachment"] is None
            assert result["data"]["leftover"] == pytest.approx(1.0, abs=0.05)
            files.append(result["data"]["file"])
        kept = tmp_path / "state" / "samples"
        assert sorted(file.name for file in kept.iterdir()) == files[1:]
        assert np.array_equal(load_picture(kept / files[2]), FULL)


def test_a_picture_leaves_the_box_only_where_that_is_switched_on(
    tmp_path: Path, calibration: Calibration
) -> None:
    with box(tmp_path, calibration, "pictures = true") as one:
        attachment = one.ask("capture", FULL)["attachment"]
        assert attachment["media_type"] == "image/jpeg"
        content = base64.b64decode(attachment["base64"])
        assert len(content) <= 200_000
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        # The tray alone, from above: nobody and nothing beside it.
        assert picture is not None
        assert picture.shape == calibration.empty.shape
        nothing = one.ask("capture", np.full_like(FULL, 90))
        assert (nothing["data"]["status"], nothing["attachment"]) == ("rejected", None)


def test_a_tray_becomes_the_reference_and_the_service_starts_anew(
    tmp_path: Path, calibration: Calibration
) -> None:
    served = SimulatedLine(
        SimulatorSettings(width=1280, height=960, real_time=False, seed=5)
    ).reference_full()
    with box(tmp_path, calibration) as one:
        refused = one.ask("recalibrate", LINE.reference_empty(), what="full")
        assert refused["status"] == "failed"
        assert "little or no food" in refused["detail"]
        assert not one.remote.leaving.is_set()
        result = one.ask("recalibrate", served, what="full")
        assert result["status"] == "done", result
        assert one.remote.leaving.wait(30)
    fresh = load_calibration(tmp_path / "state" / "calibration")
    assert fresh.full is not None
    assert calibration.full is not None
    assert not np.array_equal(fresh.full, calibration.full)


def test_a_restart_is_told_before_it_is_done(tmp_path: Path, calibration: Calibration) -> None:
    with box(tmp_path, calibration) as one:
        assert one.ask("restart")["status"] == "done"
        assert one.remote.leaving.wait(30)


def test_who_waits_for_a_tray_does_not_hold_up_the_end(tmp_path: Path, calibration: Calibration) -> None:
    with box(tmp_path, calibration) as one:
        request = make_request(Topics("north", "line-1"), "capture", {}, 300, CLOCK)
        one.remote.desk.take("capture", sign(request, ALI).model_dump_json().encode(), retained=False)
        eventually(one.remote._next_tray._wanted.is_set, "waiting for a tray")
        one.remote.stop(30.0)
        [letter] = one.remote.desk.waiting()
        assert json.loads(letter.payload)["detail"] == "the service ends; no tray came before"


def test_diagnostics_come_as_an_archive_of_bounded_size(tmp_path: Path, calibration: Calibration) -> None:
    with box(tmp_path, calibration) as one:
        assert one.ask("diagnostics")["detail"] == "not available on this box"
    with box(tmp_path, calibration, diagnostics=lambda: b"archive") as one:
        attachment = one.ask("diagnostics")["attachment"]
        assert attachment == {
            "media_type": "application/gzip",
            "base64": base64.b64encode(b"archive").decode(),
        }
    with box(tmp_path, calibration, diagnostics=lambda: bytes(200_001)) as one:
        assert "too many for a message" in one.ask("diagnostics")["detail"]


def test_an_update_is_wished_for_and_installed_by_somebody_else(
    tmp_path: Path, calibration: Calibration
) -> None:
    wish, bundles = tmp_path / "state" / "update-wanted", tmp_path / "state" / "updates"
    with box(tmp_path, calibration) as one:
        assert "has to have one bundle; there is none" in one.ask("update")["detail"]
        bundles.mkdir()
        (bundles / "a.raucb").touch()
        (bundles / "notes.txt").touch()
        answer = one.ask("update")
        assert (answer["status"], answer["data"]) == ("done", {"bundle": "a.raucb"})
        assert wish.read_bytes() == b""
        assert "nobody began it" in one.ask("update")["detail"]
        wish.unlink()
        (bundles / "b.raucb").touch()
        assert "there is a.raucb, b.raucb" in one.ask("update")["detail"]
        assert not wish.exists()


def test_without_operators_nobody_is_listened_to(tmp_path: Path) -> None:
    opened = open_remote(settings(tmp_path), ORIGIN, CLOCK, clock_synced=lambda: True, diagnostics=None)
    assert opened is None
    (tmp_path / "operators.toml").write_text("[ali]\nkey = 1\n")
    named = settings(tmp_path, 'operators = "operators.toml"')
    with pytest.raises(ConfigError, match=r"ali\.key"):
        open_remote(named, ORIGIN, CLOCK, clock_synced=lambda: True, diagnostics=None)
    text = f'[ali]\nkey = "{public_text(ALI.public_key())}"\ncommands = ["menu"]\n'
    (tmp_path / "operators.toml").write_text(text)
    assert open_remote(named, ORIGIN, CLOCK, clock_synced=lambda: True, diagnostics=None) is not None
