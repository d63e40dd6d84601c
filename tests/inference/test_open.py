"""The networks that ship, opened from settings as the appliance does."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from appliance.budget import Budget
from appliance.clock import Deadline, SystemClock
from appliance.errors import ModelError, WrongModelError
from appliance.inference.open import open_networks
from appliance.inference.selection import select
from appliance.inference.settings import ModelSettings
from appliance.inference.trial import try_out
from appliance.inference.wire import Ready
from convert.evaluate.networks import open_models

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "models"
CLOCK = SystemClock()
BUDGET = Budget(5.0)


def soon() -> Deadline:
    return Deadline.after(60.0, CLOCK)


def test_without_a_folder_there_are_none() -> None:
    assert open_networks(ModelSettings(), CLOCK, BUDGET) is None


@pytest.mark.parametrize("threads", [1, 2])
def test_the_device_reads_what_the_workshop_measured_the_networks_with(tmp_path: Path, threads: int) -> None:
    view = np.random.default_rng(5).integers(0, 256, (300, 380, 3)).astype(np.uint8)
    expected = open_models(MODELS).run(view)
    networks = open_networks(ModelSettings(folder=MODELS, threads=threads), CLOCK, BUDGET, root=tmp_path)
    assert networks is not None
    try:
        assert networks.wait_until_ready(soon())
        segmented = networks.segmentation(view, soon())
        assert np.array_equal(networks.depth(view, soon()), expected.depth)
        assert np.array_equal(segmented.probabilities, expected.probabilities)
        assert segmented.quantity is not None
        assert expected.quantity is not None
        assert np.array_equal(segmented.quantity, expected.quantity)
        assert networks.device == "cpu"
        assert set(networks.versions) == {"midas", "resnet"}
        assert networks.complaints() == ()
    finally:
        networks.close()


_OPEN = """
import json, sys
from pathlib import Path
import numpy as np
from appliance.budget import Budget
from appliance.clock import Deadline, SystemClock
from appliance.inference.open import open_networks
from appliance.inference.settings import ModelSettings

clock = SystemClock()
networks = open_networks(ModelSettings(folder=Path(sys.argv[1])), clock, Budget(5.0))
assert networks.wait_until_ready(Deadline.after(60, clock))
networks.depth(np.zeros((90, 120, 3), np.uint8), Deadline.after(60, clock))
networks.close()
print(json.dumps([name for name in sys.modules if "litert" in name or "tflite" in name]))
"""


def test_the_appliance_itself_never_loads_the_runtime() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _OPEN, str(MODELS)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert json.loads(ran.stdout) == []
    assert ran.stderr == "", "nor does its process write on the appliance's standard error"


def test_an_edge_tpu_without_models_for_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"models\.device = 'edgetpu'; compile them"):
        open_networks(ModelSettings(folder=MODELS, device="edgetpu"), CLOCK, BUDGET, root=tmp_path)


def test_a_damaged_file_is_told_by_the_calls(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    shutil.copytree(MODELS, folder)
    file = next(folder.glob("resnet*.tflite"))
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    networks = open_networks(ModelSettings(folder=folder), CLOCK, BUDGET, root=tmp_path)
    assert networks is not None
    try:
        assert not networks.wait_until_ready(soon())
        assert any("SHA-256" in said for said in networks.complaints())
        with pytest.raises(WrongModelError, match="SHA-256 is"):
            networks.depth(np.zeros((90, 120, 3), np.uint8), soon())
    finally:
        networks.close()


def test_a_trial_runs_each_device_that_is_there(tmp_path: Path) -> None:
    said = try_out(ModelSettings(folder=MODELS), select(MODELS), CLOCK, tmp_path).said
    assert list(said) == ["cpu"]
    assert isinstance(said["cpu"], Ready)
    assert set(said["cpu"].next_ms) == {"depth", "segmentation"}
