"""Networks and menus updated alone: signed bundles, RAUC itself, and the service that tries them."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.cli import main
from appliance.commands import update as update_command
from appliance.doctor.running import Running, ask
from appliance.readings.survey import survey
from appliance.update import machine as machine_module
from appliance.update import trial
from image.update import alone as packing
from image.update import key as update_key
from tests.brokers import free_port
from tests.e2e.processes import command as words_of
from tests.e2e.test_networks import MODELS
from tests.inference.test_parity_at_start import corrupted
from tests.publish.listener import eventually
from tests.update.boxes import new_box

PROGRAMS = ("rauc", "mksquashfs", "unsquashfs", "openssl")
MISSING = [program for program in PROGRAMS if shutil.which(program) is None]
SOON_S = 40.0

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")

CONFIG = """
[device]
site = "canteen"
name = "line-1"
state_dir = "{folder}/state"
calibration_dir = "{calibration}"
[camera]
kind = "simulator"
width = 640
height = 480
trays_per_minute = 40
[models]
folder = "{models}"
[artifacts]
folder = "{folder}/shelf"
[mqtt]
host = "127.0.0.1"
port = {broker}
[service]
metrics_port = {metrics}
"""


class Bench(machine_module.Machine):
    """A box whose service is a process of ours, and whose RAUC trusts a key of ours."""

    def __init__(self, folder: Path, calibration: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.config = folder / "janban.toml"
        self.config.write_text(
            CONFIG.format(
                folder=folder, calibration=calibration, models=MODELS, broker=free_port(), metrics=self.port
            )
        )
        assert update_key.main(["--out", str(folder / "keys")]) == 0
        self.rauc = folder / "system.conf"
        self.rauc.write_text(
            "[system]\ncompatible=janban-debian\nbootloader=noop\n"
            f"[keyring]\npath={folder}/keys/cert.pem\nuse-bundle-signing-time=true\n"
        )
        self.process: subprocess.Popen[bytes] | None = None
        self.starts = 0

    def restart_service(self) -> None:
        self.stop()
        self.starts += 1
        with (self.folder / "service.log").open("ab") as log:
            self.process = subprocess.Popen(words_of("run", "--config", self.config), stderr=log)
        eventually(lambda: ask(self.port) is not None, SOON_S)

    def stop(self) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.terminate()
            process.wait(SOON_S)

    def running(self) -> Running:
        found = ask(self.port)
        assert found is not None
        return found

    def in_force(self) -> dict[str, str]:
        return {one["kind"]: one["version"] for one in self.running().labels("artifact_info")}

    def versions(self) -> set[str]:
        return {one["version"] for one in self.running().labels("model_info")}

    def pack(self, kind: str, folder: Path, keys: Path | None = None) -> Path:
        keys = keys or self.folder / "keys"
        out = self.folder / f"stick-{self.starts}-{folder.name}"
        words = ("--kind", kind, "--folder", folder, "--out", out)
        signed = ("--key", keys / "key.pem", "--cert", keys / "cert.pem")
        assert packing.main([*map(str, (*words, *signed))]) == 0
        return out

    def install(self, bundle: Path) -> int:
        place = ("--root", self.folder / "root", "install", bundle, "--config", self.config)
        return main(["update", *map(str, place)])


@pytest.fixture
def bench(calibration: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    new_box(tmp_path / "root")
    box = Bench(tmp_path, calibration)
    run = machine_module._run

    def with_our_key(program: str, *words: str, seconds: float) -> str:
        return run(
            program, *((f"--conf={box.rauc}", *words) if program == "rauc" else words), seconds=seconds
        )

    monkeypatch.setattr(machine_module, "_run", with_our_key)
    monkeypatch.setattr(update_command, "Machine", lambda: box)
    # A lunch in a hurry: what the figures are is tested where they are.
    for name, value in (("STEADY_S", 1.0), ("IN_FORCE_S", 20.0), ("_LOOK_EVERY_S", 0.5)):
        monkeypatch.setattr(trial, name, value)
    box.restart_service()
    yield box
    box.stop()


def other_networks(folder: Path) -> Path:
    """The shipped networks, in another bundle: their manifest says something else of them."""
    shutil.copytree(MODELS, folder)
    manifest = folder / "manifest.json"
    said = json.loads(manifest.read_text())
    said["models"][0]["tools"]["note"] = "made again"
    manifest.write_text(json.dumps(said))
    return folder


def lunch(folder: Path, name: str, picture: Path) -> Path:
    folder.mkdir()
    shutil.copy(picture, folder / "served.png")
    now = datetime.now(UTC)
    begins, ends = (
        moment.isoformat(timespec="seconds")
        for moment in (now - timedelta(hours=1), now + timedelta(hours=1))
    )
    (folder / "menu.toml").write_text(
        f'schema = "janban.menu/1"\nsite = "canteen"\ndevice = "line-1"\n'
        f'[[meal]]\nname = "{name}"\nfrom = {begins}\nuntil = {ends}\nfull = "served.png"\n',
        encoding="utf-8",
    )
    return folder


def test_networks_and_a_menu_are_tried_and_stay(
    bench: Bench, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert bench.install(bench.pack("models", other_networks(tmp_path / "models"))) == 0
    said = capsys.readouterr().out.splitlines()
    assert "trays measured" in said[-1]
    assert said[-1].startswith("the models ")
    assert bench.in_force().keys() == {"models"}
    assert bench.running().value("networks_ready") == 1

    assert (
        bench.install(bench.pack("menu", lunch(tmp_path / "menu", "불고기 덮밥", pictures / "full.png"))) == 0
    )
    assert "the menu " in capsys.readouterr().out
    assert bench.in_force().keys() == {"models", "menu"}
    assert bench.starts == 3
    last = json.loads(survey(tmp_path / "state/readings.sqlite", 1).last[0])
    assert (last["meal"], last["path"]) == ("불고기 덮밥", "full")
    assert "is no full serving" not in (tmp_path / "service.log").read_text()


def test_networks_that_answer_otherwise_are_refused_and_left_on_trial(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = bench.versions()
    broken = tmp_path / "models"
    shutil.copytree(MODELS, broken)
    corrupted(broken)
    bundle = bench.pack("models", broken)
    capsys.readouterr()
    assert bench.install(bundle) == 1
    line = capsys.readouterr().err
    assert "are refused: they do not run on the processor" in line
    assert line.count("\n") == 1
    assert (bench.starts, bench.in_force()) == (1, {})

    # What only the Coral would get wrong: the processor finds nothing.
    monkeypatch.setattr(update_command, "_disagreement", lambda *_: None)
    assert bench.install(bundle) == 0
    assert "are given up: the networks do not run; those before are in force again" in capsys.readouterr().out
    assert bench.starts == 3
    eventually(lambda: bench.running().value("networks_ready") == 1, SOON_S)
    assert bench.in_force() == {}
    assert bench.versions() == before
    assert not list((tmp_path / "shelf/models").iterdir())


def test_what_a_stranger_signed_is_refused(
    bench: Bench, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert update_key.main(["--out", str(tmp_path / "foreign")]) == 0
    bundle = bench.pack("menu", lunch(tmp_path / "menu", "국", pictures / "full.png"), tmp_path / "foreign")
    capsys.readouterr()
    assert bench.install(bundle) == 1
    assert "signature verification failed" in capsys.readouterr().err.lower()
    assert (bench.starts, bench.in_force()) == (1, {})
