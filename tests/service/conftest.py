import pytest

from appliance.camera.settings import SimulatorSettings
from appliance.camera.simulator import SimulatedLine
from appliance.picture import Picture
from appliance.tray.calibration import Calibration, calibrate


@pytest.fixture(scope="session")
def simulated() -> SimulatedLine:
    return SimulatedLine(SimulatorSettings(width=1280, height=960, real_time=False))


@pytest.fixture(scope="session")
def full_tray(simulated: SimulatedLine) -> Picture:
    return simulated.reference_full()


@pytest.fixture(scope="session")
def calibration(simulated: SimulatedLine, full_tray: Picture) -> Calibration:
    return calibrate(simulated.reference_empty(), full_tray, simulated.layout.tray_mm)
