"""Pictures and a calibration that every end-to-end test can use: from the simulated line."""

from pathlib import Path

import pytest

from appliance.camera.settings import SimulatorSettings
from appliance.camera.simulator import SimulatedLine
from appliance.picture import save_picture
from tests.e2e.processes import appliance


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with empty.png, full.png and belt.png, 1280x960."""
    folder = tmp_path_factory.mktemp("pictures")
    quiet = SimulatorSettings(width=1280, height=960, real_time=False)
    line = SimulatedLine(quiet)
    save_picture(folder / "empty.png", line.reference_empty())
    save_picture(folder / "full.png", line.reference_full())
    with line:
        save_picture(folder / "belt.png", line.read(1.0).image)
    return folder


@pytest.fixture(scope="session")
def calibration(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "calibration"
    size_mm = SimulatedLine().layout.tray_mm
    result = appliance(
        "calibrate", "--empty", pictures / "empty.png", "--full", pictures / "full.png",
        "--tray-mm", f"{size_mm[0]:g}x{size_mm[1]:g}", "--out", folder,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return folder
