import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from appliance.cli import main
from appliance.config import Settings, parse
from appliance.diagnostics.collect import LIMIT_BYTES, collect, run_command
from appliance.doctor.instruments import Instruments
from appliance.doctor.running import Running
from appliance.readings.settings import StoreSettings
from appliance.readings.store import Store
from appliance.service.assemble import STORE_FILE
from appliance.service.machine import Machine
from appliance.tray.calibration_folder import save_calibration
from tests.diagnostics.test_archive import noise, unpacked
from tests.doctor.boxes import FakeCamera
from tests.estimate import wells
from tests.inference.entries import networks_folder
from tests.inference.roots import put
from tests.readings.examples import draft

HIDDEN = "correct-horse-battery"
NAMES = [
    *("about.json", "facts.txt", "configuration.json", "doctor.jsonl", "metrics.txt", "store.json"),
    *("readings.jsonl", "models.json", "layout.toml", "journal.txt", "kernel.txt"),
]


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """A box with a calibration, networks, readings, and secrets wherever somebody might put one."""
    (tmp_path / "password").write_text(HIDDEN)
    found = parse(
        f"""
        device = {{ site = "a", name = "b", state_dir = "state", calibration_dir = "calibration" }}
        camera = {{ kind = "usb", device = "rtsp://admin:{HIDDEN}@10.0.0.7/stream" }}
        models = {{ folder = "models" }}
        mqtt = {{ host = "127.0.0.1", port = 1, username = "b", password_file = "password" }}
        """,
        folder=tmp_path,
    )
    save_calibration(wells.calibration(), found.device.calibration_dir)
    networks_folder(tmp_path / "models")
    with Store(found.device.state_dir / STORE_FILE, StoreSettings()) as store:
        for _ in range(25):
            store.add(draft())
        yield found


@pytest.fixture
def tools(tmp_path: Path) -> Instruments:
    put(tmp_path, "sys/class/thermal/thermal_zone0/temp", "48312\n")
    put(tmp_path, "proc/meminfo", "MemAvailable: 900000 kB\n")
    return Instruments(
        machine=Machine(tmp_path),
        open_camera=FakeCamera(128),
        unit=dict,
        running=lambda _port: Running(None, (), f"janban_able 1\n# password: {HIDDEN}\n"),
    )


def journal(words: Sequence[str]) -> str:
    assert words[0] == "journalctl"
    return f"WARNING appliance: mqtts://b:{HIDDEN}@broker does not answer\nsecret = {HIDDEN}\nlast line\n"


def test_everything_is_there_but_no_secret_and_no_picture(settings: Settings, tools: Instruments) -> None:
    archive = collect(settings, tools, run=journal)
    found = unpacked(archive)
    assert list(found) == NAMES
    assert HIDDEN not in "".join(found.values())
    assert json.loads(found["about.json"])["packages"]["pydantic"]
    assert "/sys/class/thermal/thermal_zone0/temp\n48312\n" in found["facts.txt"]
    configuration = json.loads(found["configuration.json"])
    assert configuration["mqtt"]["password_file"] == str(settings.mqtt.password_file)
    doctor = [json.loads(line) for line in found["doctor.jsonl"].splitlines()]
    assert {"service", "broker", "store"} <= {check["name"] for check in doctor}
    assert found["metrics.txt"].startswith("# unable: None\njanban_able 1\n")
    store = json.loads(found["store.json"])
    assert (store["schema"] >= 1, store["pending"], store["lost"], store["set_aside"]) == (True, 25, 0, [])
    readings = [json.loads(line)["sequence"] for line in found["readings.jsonl"].splitlines()]
    assert readings == list(range(25, 5, -1))
    models = json.loads(found["models.json"])
    hashes = {file["sha256"] for model in models["manifest"]["models"] for file in model["files"]}
    assert {sha256 for name, sha256 in models["sha256"].items() if name != "parity.npz"} == hashes
    assert "parity.npz" in models["sha256"]
    assert found["layout.toml"] == (settings.device.calibration_dir / "layout.toml").read_text()
    assert found["journal.txt"].endswith("last line\n")


def test_what_cannot_be_had_says_so_and_costs_nothing_else(tools: Instruments, tmp_path: Path) -> None:
    bare = parse(
        """
        device = { site = "a", name = "b", state_dir = "none", calibration_dir = "none" }
        camera = { kind = "usb" }
        models = { folder = "none" }
        mqtt = { host = "127.0.0.1", port = 1 }
        """,
        folder=tmp_path,
    )
    found = unpacked(collect(bare, tools, run=lambda words: f"[{words[0]} cannot be run]\n"))
    assert list(found) == NAMES
    for name in ("store.json", "readings.jsonl", "models.json", "layout.toml", "journal.txt", "kernel.txt"):
        assert found[name].startswith("["), name


def test_it_is_as_small_as_is_asked_for(settings: Settings, tools: Instruments) -> None:
    lines = noise(8000)
    for limit_bytes in (LIMIT_BYTES, 100_000):
        archive = collect(settings, tools, limit_bytes=limit_bytes, run=lambda _words: lines)
        assert len(archive) <= limit_bytes
        assert unpacked(archive)["journal.txt"].endswith(lines[-1000:])


def test_a_command_that_is_not_there_is_a_note() -> None:
    assert run_command(("no-such-program",)) == "[no-such-program cannot be run: FileNotFoundError]\n"
    assert run_command(("echo", "here")) == "here\n"


def test_the_command_writes_a_private_file_even_for_a_wrong_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, out = tmp_path / "janban.toml", tmp_path / "diagnostics.tar.gz"
    config.write_text("[device]\nsite = 7\n")
    assert main(["diagnostics", "--config", str(config), "--out", str(out), "--json"]) == 0
    assert out.stat().st_mode & 0o777 == 0o600
    said = json.loads(capsys.readouterr().out)
    assert said["bytes"] == out.stat().st_size
    about = json.loads(unpacked(out.read_bytes())["about.json"])
    assert about["configuration_fault"] == said["configuration_fault"]
    assert "device.site" in about["configuration_fault"]


def test_a_place_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "none" / "diagnostics.tar.gz"
    assert main(["diagnostics", "--config", str(tmp_path / "none"), "--out", str(out)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
