"""`appliance command` to `appliance run`: two real processes and a broker between them."""

import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.brokers import Mosquitto
from tests.e2e.processes import appliance, refused
from tests.e2e.test_service import CONFIGURATION
from tests.publish.listener import Listener, eventually

Start = Callable[..., subprocess.Popen[str]]
Ask = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """Return an operator's key; what it may is in `operators.toml` beside it."""
    made = appliance("operator-key", "--name", "ali", "--out", tmp_path / "ali.pem")
    assert made.returncode == 0, made.stderr
    (tmp_path / "operators.toml").write_text(made.stdout, encoding="utf-8")
    return tmp_path / "ali.pem"


SERVICE = """
import sys
from pathlib import Path
from appliance.clock import SystemClock
from appliance.commands.run import serve, stop_on_signals
from appliance.config import load
from appliance.diagnostics.collect import collect_in_service
from appliance.service.assemble import assemble
from appliance.service.machine import Machine

stop, settings = stop_on_signals(), load(Path(sys.argv[1]))
machine = Machine(Path(sys.argv[2]))
serve(assemble(settings, SystemClock(), machine, diagnostics=lambda: collect_in_service(settings)), stop)
"""
"""`appliance run`, on a machine of which the test says whether its clock is set."""


@pytest.fixture
def service(mosquitto: Mosquitto, calibration: Path, key: Path, tmp_path: Path) -> Iterator[Start]:
    """Start the service, with a calibration in its state folder, as often as asked."""
    shutil.copytree(calibration, tmp_path / "state" / "calibration")
    text = CONFIGURATION.format(calibration="state/calibration", port=mosquitto.port)
    (tmp_path / "janban.toml").write_text(text + f'[commands]\noperators = "{key.parent}/operators.toml"\n')
    running: list[subprocess.Popen[str]] = []

    def run(*, synced: bool = True) -> subprocess.Popen[str]:
        flag = tmp_path / "machine/run/systemd/timesync/synchronized"
        flag.parent.mkdir(parents=True, exist_ok=True)
        flag.touch() if synced else flag.unlink(missing_ok=True)
        words = [sys.executable, "-c", SERVICE, str(tmp_path / "janban.toml"), str(tmp_path / "machine")]
        running.append(subprocess.Popen(words, stderr=subprocess.PIPE, text=True))
        seen = len(running)
        eventually(lambda: mosquitto.said().count("/cmd/+ (QoS 1)") >= seen, "listening")
        return running[-1]

    yield run
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def ask(mosquitto: Mosquitto, key: Path) -> Ask:
    def give(command: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        box = ("--site", "test-site", "--device", "box-1", "--port", str(mosquitto.port))
        return appliance("command", command, "--key", key, *box, "--timeout", "60", *arguments)

    return give


def test_an_operator_works_a_box_from_afar(
    mosquitto: Mosquitto, service: Start, ask: Ask, tmp_path: Path
) -> None:
    with Listener(mosquitto.port) as listener:
        first = service()
        nothing = tmp_path / "nothing"
        told = ask("menu", "--arg", "meal=불고기", "--out", nothing)
        assert told.returncode == 0, told.stderr
        assert f"it brought nothing, {nothing} was not written" in told.stdout
        assert "test-site/box-1: menu is done: readings carry the meal until" in told.stdout
        eventually(lambda: "불고기" in [reading["meal"] for reading in listener.on("/reading")], "the meal")
        result = json.loads(ask("capture", "--json").stdout)
        assert (result["status"], result["attachment"]) == ("done", None)
        archive = tmp_path / "archive.tar.gz"
        brought = ask("diagnostics", "--out", archive)
        assert brought.returncode == 0, brought.stderr
        assert archive.stat().st_mode & 0o077 == 0
        with tarfile.open(archive) as opened:
            assert "janban-diagnostics/doctor.jsonl" in opened.getnames()
        restarted = ask("restart")
        assert restarted.returncode == 0, restarted.stderr
        assert first.wait(30) == 0
        before = len(listener.on("/reading"))
        second = service()
        eventually(lambda: len(listener.on("/reading")) > before, "readings after the restart")
        assert listener.on("/reading")[-1]["meal"] == "불고기"
        # The restart is over: it is neither done nor told once more.
        assert second.poll() is None
        assert len([one for one in listener.on("/result") if one["command"] == "restart"]) == 1


def test_a_tray_of_the_line_becomes_the_reference(service: Start, ask: Ask, tmp_path: Path) -> None:
    running = service()
    manifest = tmp_path / "state" / "calibration" / "manifest.json"
    before = manifest.read_bytes()
    for _ in range(20):
        asked = ask("recalibrate", "--arg", "what=full")
        if asked.returncode == 0:
            break
        # Trays come with as much as was left on them: not every one makes a serving.
        assert "is no reference" in refused(asked)
    assert running.wait(30) == 0
    assert manifest.read_bytes() != before
    assert (tmp_path / "state" / "calibration-previous" / "manifest.json").read_bytes() == before
    service()
    assert "readings carry no meal" in ask("menu", "--arg", "meal=").stdout


def test_what_is_not_done_is_one_line_and_a_status(service: Start, ask: Ask, tmp_path: Path) -> None:
    service(synced=False)
    assert "refused: the clock of this box is not set" in refused(ask("restart"))
    assert "no such command" in refused(ask("shell"))
    assert "meal: Field required | maal: Extra inputs" in refused(ask("menu", "--arg", "maal=a"))
    assert "until: Input should be a valid datetime" in refused(
        ask("menu", "--arg", "meal=a", "--arg", "until=noon")
    )
    other = tmp_path / "other.pem"
    assert appliance("operator-key", "--name", "eve", "--out", other).returncode == 0
    assert "no answer" in refused(ask("restart", "--key", other, "--timeout", "2"))
    assert "is there already" in refused(appliance("operator-key", "--name", "eve", "--out", other))
