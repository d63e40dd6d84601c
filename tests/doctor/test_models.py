from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.config import Settings
from appliance.doctor.instruments import Instruments
from appliance.doctor.models import models
from appliance.doctor.running import Running, Sample
from appliance.errors import InferenceError, NoDeviceError, ParityError
from appliance.inference.agreement import Agreement
from appliance.inference.settings import ModelSettings
from appliance.inference.trial import Trial
from appliance.inference.wire import Ready
from appliance.service.machine import Machine
from convert.parity.archive import record_bytes
from tests.doctor.boxes import changed, checked, service, with_models
from tests.inference.entries import networks_folder, sha256


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
    assert "against the workstation: inverse depth off by " in check.found


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


def test_how_the_networks_agree_with_the_workstation_is_told(
    settings: Settings, tools: Instruments, tmp_path: Path
) -> None:
    folder = networks_folder(tmp_path / "models")
    parity = {
        "depth": (Agreement("inverse_depth", 0.0273),),
        "segmentation": (Agreement("segmentation", 0.0124, 0.9978), Agreement("quantity", 0.0)),
    }
    without_coral = changed(
        answering(tools, cpu=Ready({}, {"depth": 8.0}, parity)), machine=Machine(tmp_path / "none")
    )
    check = checked(with_models(settings, folder), without_coral)["models"]
    assert check.state == "ok"
    assert check.found.endswith(
        "run on the processor (depth 8 ms; against the workstation: inverse depth off by 2.7%,"
        " segmentation off by 1.2%, 99.8% of pixels alike, quantity off by 0.0%)"
    )


DISAGREES = ParityError("a known picture is not answered as on the workstation: depth has …")


def test_networks_that_disagree_with_the_workstation_are_a_failure(
    settings: Settings, tools: Instruments, tmp_path: Path
) -> None:
    folder = networks_folder(tmp_path / "models")
    check = checked(with_models(settings, folder), answering(tools, cpu=DISAGREES))["models"]
    assert check.state == "fail"
    assert "do not run on the processor: a known picture is not answered as on the work" in check.found


def test_a_coral_that_disagrees_is_a_warning_while_the_processor_stands_in(
    settings: Settings, tools: Instruments, tmp_path: Path
) -> None:
    folder = networks_folder(tmp_path / "models", devices=("cpu", "edgetpu"))
    check = checked(with_models(settings, folder), answering(tools, edgetpu=DISAGREES, cpu=RAN))["models"]
    assert check.state == "warn"
    assert "not on the Edge TPU: a known picture is not" in check.found
    assert "systemctl" not in check.advice


@pytest.mark.parametrize("in_service", [False, True])
@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda file: file.unlink(), "parity.npz: missing; make it with convert self-test"),
        (lambda file: file.write_bytes(file.read_bytes()[:-100]), "parity.npz: damaged"),
        (lambda file: file.write_bytes(record_bytes({})), "parity.npz: knows no depth.cpu.tflite or seg"),
    ],
    ids=["none", "damaged", "of others"],
)
def test_networks_without_a_fitting_record_are_a_warning(
    tools: Instruments, tmp_path: Path, damage: Callable[[Path], object], found: str, *, in_service: bool
) -> None:
    folder = networks_folder(tmp_path / "models")
    damage(folder / "parity.npz")
    info = Sample("janban_model_info", {"model": "depth", "device": "cpu"}, 1)
    running = service(None, info, networks_ready=1) if in_service else None
    without_coral = changed(answering(tools, cpu=RAN), machine=Machine(tmp_path / "none"))
    check = models(ModelSettings(folder=folder), without_coral, running)
    assert check.state == "warn"
    assert found in check.found
    assert "on trust" in check.advice


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


def in_service(ready: int, device: str) -> Running:
    info = Sample("janban_model_info", {"model": "depth", "device": device}, 1)
    return service(None, info, networks_ready=ready, network_faults_total=4)


@pytest.mark.parametrize(
    ("running", "state", "found"),
    [
        (in_service(1, "edgetpu"), "ok", "run in the service on the Edge TPU"),
        (in_service(1, "cpu"), "warn", "on the processor: it stands in for the Coral"),
        (Running(None, answers=False), "warn", "answers no questions"),
        (in_service(0, "edgetpu"), "fail", "they do not run now, after 4 faults"),
    ],
)
def test_the_service_is_asked_about_networks_that_it_runs(
    tools: Instruments, tmp_path: Path, running: Running, state: str, found: str
) -> None:
    def unused(*_asked: object) -> Trial:
        raise AssertionError("the Edge TPU serves one process at a time")

    folder = networks_folder(tmp_path / "models", devices=("cpu", "edgetpu"))
    check = models(ModelSettings(folder=folder), changed(tools, try_out=unused), running)
    assert check.state == state
    assert found in check.found
