import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np
import pytest

from appliance.camera.frame import EndOfFrames, Frame
from appliance.camera.open import open_camera
from appliance.camera.settings import CameraSettings
from appliance.cli import main
from appliance.clock import Clock, SystemClock
from appliance.config import Settings, parse
from appliance.errors import CameraError, InferenceError, NoDeviceError
from appliance.estimate.settings import EstimateSettings, VariantSettings
from appliance.inference.settings import ModelSettings
from appliance.inference.trial import Trial
from appliance.inference.wire import Ready
from appliance.publish.settings import TlsSettings
from appliance.service.doctor import Check, Instruments, calibration, examine, exit_status
from appliance.service.machine import Machine
from appliance.tray.calibration_folder import save_calibration
from tests.brokers import Mosquitto
from tests.estimate import wells
from tests.inference.entries import networks_folder, sha256
from tests.inference.roots import plug_in, put

NAMES = ["camera", "calibration", "tpu", "models", "broker", "disk", "clock", "temperature", "power"]


class FakeCamera:
    """Gives pictures, one after the other, or the error that it was made with."""

    def __init__(self, *shown: "int | Exception") -> None:
        self._shown = iter(shown)
        self.closed = False

    def __call__(self, _settings: CameraSettings, _clock: Clock) -> Self:
        return self

    def open(self) -> None:
        pass

    def read(self, timeout_s: float) -> Frame:
        assert timeout_s > 0
        shown = next(self._shown)
        if isinstance(shown, Exception):
            raise shown
        picture = np.full((120, 160, 3), shown, np.uint8)
        picture[:40] //= 2
        clock = SystemClock()
        return Frame(picture, clock.monotonic_s(), clock.utc(), 0)

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def settings(tmp_path: Path, free_port: int) -> Settings:
    return parse(
        f"""
        device = {{ site = "a", name = "b", state_dir = "state", calibration_dir = "calibration" }}
        camera = {{ kind = "usb" }}
        mqtt = {{ host = "127.0.0.1", port = {free_port} }}
        """,
        folder=tmp_path,
    )


@pytest.fixture
def tools(tmp_path: Path) -> Instruments:
    """A box where all is well, except that it has no calibration and no broker."""
    (tmp_path / "state").mkdir()
    plug_in(tmp_path, ("18d1", "9302"))
    put(tmp_path, "usr/lib/libedgetpu.so.1", "")
    put(tmp_path, "run/systemd/timesync/synchronized", "")
    put(tmp_path, "sys/class/thermal/thermal_zone0/temp", "48312\n")
    put(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "0\n")
    return Instruments(
        machine=Machine(tmp_path),
        open_camera=FakeCamera(128),
        free_bytes=lambda _folder: 2_000_000_000,
    )


def checked(settings: Settings, tools: Instruments) -> dict[str, Check]:
    return {check.name: check for check in examine(settings, tools)}


def changed(tools: Instruments, **instruments: object) -> Instruments:
    return Instruments(**{**vars(tools), **instruments})


def test_every_check_is_made_in_order_and_says_what_to_do(settings: Settings, tools: Instruments) -> None:
    checks = list(examine(settings, tools))
    assert [check.name for check in checks] == NAMES
    assert {check.name for check in checks if check.state != "ok"} == {"calibration", "broker"}
    assert all(bool(check.advice) == (check.state != "ok") for check in checks)
    assert exit_status(checks) == 1


def test_checks_can_be_read_by_machines_and_by_people(settings: Settings, tools: Instruments) -> None:
    for check in examine(settings, tools):
        assert json.loads(check.as_json()) == vars(check)
        assert "\n" not in check.as_json()
        assert check.as_text().startswith(check.state)
        assert check.advice in check.as_text()


def test_a_calibration_that_is_not_enough_for_the_settings_is_a_failure(settings: Settings) -> None:
    save_calibration(wells.calibration(full=False), settings.device.calibration_dir)
    assert calibration(settings).state == "warn"
    study = EstimateSettings(method="study")
    counting = settings.model_copy(update={"estimate": study})
    tested = settings.model_copy(update={"variant": VariantSettings(estimate=study)})
    for section, one in {"estimate": counting, "variant.estimate": tested}.items():
        check = calibration(one)
        assert check.state == "fail"
        assert f"not enough for [{section}]: the study's method needs a full reference" in check.found
        assert "--full" in check.advice


def test_warnings_are_no_failure() -> None:
    assert exit_status([Check("a", "ok", "x"), Check("b", "warn", "y", "z")]) == 0


@pytest.mark.parametrize(
    ("camera", "found"),
    [
        (FakeCamera(CameraError("/dev/video0: no such device")), "no such device"),
        (FakeCamera(EndOfFrames()), "no pictures"),
        (FakeCamera(*[0] * 100_000), "black"),
        (FakeCamera(RuntimeError("broken driver")), "RuntimeError: broken driver"),
    ],
)
def test_a_camera_that_shows_nothing(
    settings: Settings, tools: Instruments, camera: FakeCamera, found: str
) -> None:
    check = checked(settings, changed(tools, open_camera=camera, clock=Hurried()))["camera"]
    assert check.state == "fail"
    assert found in check.found
    assert check.advice
    assert camera.closed


class Hurried(SystemClock):
    """Every look at the clock takes a second."""

    def __init__(self) -> None:
        self._looks = 0

    def monotonic_s(self) -> float:
        self._looks += 1
        return float(self._looks)


def test_a_camera_that_shows_something_after_a_while(settings: Settings, tools: Instruments) -> None:
    check = checked(settings, changed(tools, open_camera=FakeCamera(0, 0, 128)))["camera"]
    assert (check.state, check.found) == ("ok", "usb, 160x120 pixels")


def test_a_simulated_camera_is_no_camera(tools: Instruments, settings: Settings) -> None:
    simulated = parse('device = { site = "a", name = "b" }\ncamera = { kind = "simulator" }').camera
    settings = settings.model_copy(update={"camera": simulated})
    check = checked(settings, changed(tools, open_camera=open_camera))["camera"]
    assert check.state == "warn"
    assert "640x480" in check.found


def test_a_camera_that_hangs_does_not_hang_the_doctor(settings: Settings, tools: Instruments) -> None:
    free = threading.Event()

    def hang(_settings: CameraSettings, _clock: Clock) -> FakeCamera:
        free.wait(60)
        return FakeCamera(128)

    check = next(examine(settings, changed(tools, open_camera=hang, longest_s=0.05)))
    free.set()
    assert check.state == "fail"
    assert "no answer" in check.found


@pytest.mark.parametrize(
    ("there", "found"),
    [
        ({"library"}, "no Coral"),
        ({"coral", "fast", "library"}, "may not be opened"),
        ({"coral", "fast", "node"}, "no libedgetpu"),
        ({"coral", "node", "library"}, "USB 2"),
    ],
)
def test_tpu(settings: Settings, tools: Instruments, tmp_path: Path, there: set[str], found: str) -> None:
    root = tmp_path / "other"
    if "coral" in there:
        plug_in(root, ("1a6e", "089a"), speed="5000" if "fast" in there else "480", node="node" in there)
    if "library" in there:
        put(root, "usr/lib/libedgetpu.so.1", "")
    with_networks = with_models(settings, tmp_path)
    check = checked(with_networks, changed(tools, machine=Machine(root)))["tpu"]
    assert check.state == "warn"
    assert found in check.found
    assert check.advice


def test_without_networks_no_tpu_is_missed(settings: Settings, tools: Instruments, tmp_path: Path) -> None:
    check = checked(settings, changed(tools, machine=Machine(tmp_path / "bare")))["tpu"]
    assert (check.state, check.advice) == ("ok", "")


def with_models(settings: Settings, folder: Path) -> Settings:
    return settings.model_copy(update={"models": ModelSettings(folder=folder)})


def test_without_a_models_folder_back_projection_measures(settings: Settings, tools: Instruments) -> None:
    check = checked(settings, tools)["models"]
    assert (check.state, check.advice) == ("ok", "")
    assert "back projection alone" in check.found


RAN = Ready({"depth": 99.0, "segmentation": 99.0}, {"depth": 8.0, "segmentation": 7.0})


def answering(tools: Instruments, **said: Ready | InferenceError) -> Instruments:
    """Tools with which the networks say this on their devices."""
    return changed(tools, try_out=lambda *_asked: Trial(said))


def test_models_their_versions_and_where_they_run_are_named(
    settings: Settings, tools: Instruments, tmp_path: Path
) -> None:
    folder = networks_folder(tmp_path / "models", devices=("cpu", "edgetpu"))
    check = checked(with_models(settings, folder), answering(tools, edgetpu=RAN, cpu=RAN))["models"]
    assert check.state == "ok"
    versions = f"depth (cpu {sha256(b'depth cpu')[:12]}, edgetpu {sha256(b'depth edgetpu')[:12]})"
    assert versions in check.found
    assert check.found.endswith("run on the Edge TPU (depth 8 ms, segmentation 7 ms)")


def test_models_that_ship_run_here(settings: Settings, tools: Instruments, tmp_path: Path) -> None:
    shipped = Path(__file__).resolve().parents[2] / "models"
    without_coral = changed(tools, machine=Machine(tmp_path / "none"))
    check = checked(with_models(settings, shipped), without_coral)["models"]
    assert check.state == "ok"
    assert "run on the processor (depth" in check.found


def test_the_processor_stands_in_for_a_coral_that_fails(
    settings: Settings, tools: Instruments, tmp_path: Path
) -> None:
    folder = networks_folder(tmp_path / "models", devices=("cpu", "edgetpu"))
    refused = NoDeviceError("it does not answer; replug it")
    check = checked(with_models(settings, folder), answering(tools, edgetpu=refused, cpu=RAN))["models"]
    assert check.state == "warn"
    assert "run on the processor (depth 8 ms, segmentation 7 ms), not on the Edge TPU: it does" in check.found
    assert "systemctl stop janban" in check.advice


def test_a_coral_without_models_for_it(settings: Settings, tools: Instruments, tmp_path: Path) -> None:
    folder = networks_folder(tmp_path / "models")
    check = checked(with_models(settings, folder), answering(tools, cpu=RAN))["models"]
    assert check.state == "warn"
    assert "no models for the Coral" in check.found
    assert "convert edgetpu" in check.advice


def test_models_that_run_nowhere(settings: Settings, tools: Instruments, tmp_path: Path) -> None:
    folder = networks_folder(tmp_path / "models")
    check = checked(with_models(settings, folder), answering(tools, cpu=NoDeviceError("no runtime")))[
        "models"
    ]
    assert check.state == "fail"
    assert "do not run on the processor: no runtime" in check.found
    assert check.advice


def test_random_weights_are_not_for_a_canteen(settings: Settings, tools: Instruments, tmp_path: Path) -> None:
    folder = networks_folder(tmp_path / "models", trained=False, devices=("cpu", "edgetpu"))
    check = checked(with_models(settings, folder), answering(tools, cpu=RAN))["models"]
    assert check.state == "warn"
    assert check.advice.startswith("random weights")
    assert "depth, seg" in check.advice


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), "manifest.json: missing"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "manifest.json: Invalid JSON"),
        (lambda folder: (folder / "depth.cpu.tflite").unlink(), "depth.cpu.tflite: missing"),
        (lambda folder: (folder / "depth.cpu.tflite").write_bytes(b"depth CPU"), "tflite: SHA-256 is"),
        (lambda folder: (folder / "depth.cpu.tflite").write_bytes(b"o"), "depth.cpu.tflite: has 1 bytes"),
    ],
    ids=["no manifest", "damaged manifest", "no file", "another file", "cut off"],
)
def test_models_that_differ_from_their_manifest_are_a_failure(
    settings: Settings, tools: Instruments, tmp_path: Path, damage: Callable[[Path], object], found: str
) -> None:
    folder = networks_folder(tmp_path / "models")
    damage(folder)
    check = checked(with_models(settings, folder), answering(tools, cpu=RAN))["models"]
    assert check.state == "fail"
    assert found in check.found
    assert check.advice


@pytest.mark.parametrize(
    ("free_mb", "state"), [(10, "fail"), (100, "warn"), (300, "ok")], ids=["full", "tight", "roomy"]
)
def test_disk(settings: Settings, tools: Instruments, free_mb: int, state: str) -> None:
    check = checked(settings, changed(tools, free_bytes=lambda _folder: free_mb * 1_000_000))["disk"]
    assert check.state == state
    assert f"{free_mb} MB" in check.found


def test_a_state_folder_that_is_not_there(settings: Settings, tools: Instruments, tmp_path: Path) -> None:
    (tmp_path / "state").rmdir()
    check = checked(settings, tools)["disk"]
    assert (check.state, check.found) == ("fail", f"{tmp_path / 'state'} cannot be written")


@pytest.mark.parametrize(("temp", "state"), [("81000", "fail"), ("77000", "warn"), ("60000", "ok")])
def test_temperature(settings: Settings, tools: Instruments, tmp_path: Path, temp: str, state: str) -> None:
    put(tmp_path, "sys/class/thermal/thermal_zone1/temp", temp)
    assert checked(settings, tools)["temperature"].state == state


def test_power(settings: Settings, tools: Instruments, tmp_path: Path) -> None:
    put(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", "50000")
    check = checked(settings, tools)["power"]
    assert check.state == "warn"
    assert "under-voltage" in check.found
    assert "power supply" in check.advice


def test_clock(settings: Settings, tools: Instruments, tmp_path: Path) -> None:
    (tmp_path / "run/systemd/timesync/synchronized").unlink()
    assert checked(settings, tools)["clock"].state == "warn"


def test_a_machine_that_says_nothing_is_not_blamed(
    settings: Settings, tmp_path: Path, tools: Instruments
) -> None:
    checks = checked(settings, changed(tools, machine=Machine(tmp_path / "bare")))
    assert (checks["temperature"].state, checks["power"].state) == ("ok", "ok")


def test_a_broker_that_answers(settings: Settings, tools: Instruments, mosquitto: Mosquitto) -> None:
    mqtt = settings.mqtt.model_copy(update={"port": mosquitto.port})
    check = checked(settings.model_copy(update={"mqtt": mqtt}), tools)["broker"]
    assert (check.state, check.found) == ("ok", f"127.0.0.1:{mosquitto.port}, MQTT 5, no TLS")


def test_a_broker_whose_certificate_is_missing(
    settings: Settings, tools: Instruments, tmp_path: Path
) -> None:
    tls = TlsSettings(ca=tmp_path / "ca.pem")
    mqtt = settings.mqtt.model_copy(update={"tls": tls})
    check = checked(settings.model_copy(update={"mqtt": mqtt}), tools)["broker"]
    assert check.state == "fail"
    assert "ca.pem" in check.found


def test_the_command_prints_json_lines_and_fails_without_a_broker(
    tmp_path: Path, free_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "janban.toml"
    file.write_text(
        f"""
        device = {{ site = "a", name = "b", state_dir = "." }}
        camera = {{ kind = "simulator" }}
        mqtt = {{ host = "127.0.0.1", port = {free_port} }}
        """
    )
    assert main(["doctor", "--config", str(file), "--json"]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["name"] for line in lines] == NAMES
    assert {line["name"]: line["state"] for line in lines}["broker"] == "fail"
