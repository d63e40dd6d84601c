"""Measuring with the networks that the project ships, in a process of their own, on the processor."""

import importlib.util
import json
import shutil
import signal
from pathlib import Path

import pytest

from appliance.inference.manifest import FILE_NAME, load_manifest
from tests.brokers import Mosquitto
from tests.e2e.processes import appliance, refused, start
from tests.e2e.test_service import CONFIGURATION
from tests.publish.listener import Listener, eventually

MODELS = Path(__file__).parents[2] / "models"

pytestmark = [
    pytest.mark.skipif(not (MODELS / FILE_NAME).is_file(), reason="the project has no models"),
    pytest.mark.skipif(
        not any(map(importlib.util.find_spec, ("ai_edge_litert", "tflite_runtime"))),
        reason="nothing that runs TFLite files is installed",
    ),
]


def versions() -> dict[str, str]:
    models = load_manifest(MODELS / FILE_NAME).models
    return {model.name: file.version for model in models for file in model.files if file.device == "cpu"}


def test_every_estimator_has_its_say(calibration: Path, pictures: Path, tmp_path: Path) -> None:
    result = appliance(
        "measure", "--json", "--models", MODELS, "--calibration", calibration, "--overlay", tmp_path,
        pictures / "empty.png", pictures / "full.png",
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")
    empty, full = map(json.loads, result.stdout.splitlines())
    assert empty["leftover"] <= 0.02
    assert full["leftover"] >= 0.93
    for tray in (empty, full):
        assert tray["path"] == "full"
        assert tray["models"] == versions()
        assert {"segmentation", "depth", "fuse"} <= tray["latency_ms"].keys()
        for well in tray["compartments"]:
            assert None not in well["estimates"].values()
            assert min(well["weights"].values()) > 0
            assert sum(well["contents"].values()) == pytest.approx(1.0, abs=0.01)
            assert well["mixed_from"] == []
    food = [
        sum(well["contents"][kind] for kind in ("rice", "liquid", "solid")) for well in full["compartments"]
    ]
    assert max(food) > 0.5
    assert (tmp_path / "full.overlay.png").is_file()


def test_people_are_told_what_lies_in_a_well(calibration: Path, pictures: Path) -> None:
    told = appliance("measure", "--models", MODELS, "--calibration", calibration, pictures / "full.png")
    assert "by back projection alone" not in told.stdout
    assert "clean" in told.stdout
    alone = appliance("measure", "--calibration", calibration, pictures / "full.png")
    assert "by back projection alone" in alone.stdout


def test_a_folder_that_has_no_networks_is_one_line(calibration: Path, pictures: Path, tmp_path: Path) -> None:
    arguments = ("measure", "--models", tmp_path, "--calibration", calibration, pictures / "full.png")
    assert str(tmp_path) in refused(appliance(*arguments))


def test_bench_tells_the_memory_of_both_processes(calibration: Path, pictures: Path) -> None:
    result = appliance(
        "bench", "--json", "--repeat", "1", "--models", MODELS, "--calibration", calibration,
        pictures / "full.png",
    )  # fmt: skip
    report = json.loads(result.stdout)
    assert report["paths"] == {"full": 1, "fallback": 0}
    assert {"segmentation", "depth", "fuse"} <= report["stages_ms"].keys()
    assert report["networks"]["versions"] == versions()
    assert report["workers_peak_memory_mb"] > 10


def test_the_service_measures_with_the_networks_and_says_which(
    mosquitto: Mosquitto, calibration: Path, tmp_path: Path
) -> None:
    file = tmp_path / "janban.toml"
    text = CONFIGURATION.format(calibration=calibration, port=mosquitto.port)
    file.write_text(f'{text}\n[models]\nfolder = "{MODELS}"\ndevice = "cpu"\n', encoding="utf-8")
    with Listener(mosquitto.port) as listener:
        process = start("run", "--config", file)
        try:
            eventually(
                lambda: any(reading["path"] == "full" for reading in listener.on("reading")), "a full reading"
            )
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
            process.communicate()
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    full = next(reading for reading in listener.on("reading") if reading["path"] == "full")
    assert full["models"] == versions()
    assert listener.on("info")[0]["networks"]["device"] == "cpu"


def test_a_damaged_folder_of_models_costs_the_networks_not_the_service(
    mosquitto: Mosquitto, calibration: Path, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    shutil.copytree(MODELS, models)
    (models / FILE_NAME).write_text("{}")
    file = tmp_path / "janban.toml"
    text = CONFIGURATION.format(calibration=calibration, port=mosquitto.port)
    file.write_text(f'{text}\n[models]\nfolder = "{models}"\n', encoding="utf-8")
    with Listener(mosquitto.port) as listener:
        process = start("run", "--config", file)
        try:
            eventually(lambda: len(listener.on("reading")) > 0, "a reading")
            eventually(lambda: len(listener.on("health")) > 0, "health")
        finally:
            process.kill()
            process.communicate()
    assert listener.on("reading")[0]["path"] == "fallback"
    said = listener.on("health")[0]["degraded"]
    assert any("back projection measures alone" in reason and FILE_NAME in reason for reason in said)
