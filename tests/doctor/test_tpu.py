from pathlib import Path
from typing import Literal

import pytest

from appliance.config import Settings
from appliance.doctor.instruments import Instruments
from appliance.doctor.running import Running
from appliance.doctor.tpu import tpu
from appliance.inference.settings import ModelSettings
from appliance.service.machine import Machine
from tests.doctor.boxes import changed, checked, service, with_models
from tests.inference.roots import plug_in, put


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


@pytest.mark.parametrize(
    ("running", "device", "found"),
    [
        (service(tpu_usb_resets_total=2), "auto", "was here and has vanished"),
        (service(tpu_reenumerations_total=1), "auto", "was here and has vanished"),
        (service(), "edgetpu", "models.device asks for one"),
        (None, "edgetpu", "models.device asks for one"),
    ],
)
def test_a_coral_that_vanished_needs_a_hand(
    tmp_path: Path, running: Running | None, device: Literal["auto", "edgetpu"], found: str
) -> None:
    check = tpu(Machine(tmp_path), ModelSettings(folder=tmp_path, device=device), running)
    assert check.state == "fail"
    assert found in check.found
    assert "unplug it" in check.advice


def test_a_coral_that_connects_again_and_again_has_a_bad_cable(tools: Instruments) -> None:
    check = tpu(tools.machine, ModelSettings(folder=Path("models")), service(tpu_reenumerations_total=7))
    assert check.state == "warn"
    assert "7 times" in check.found
    assert "cable" in check.advice
