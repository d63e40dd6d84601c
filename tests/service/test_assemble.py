"""From settings to parts: what cannot work is refused in one line, and nothing is left running."""

from pathlib import Path

import pytest

from appliance.budget import Budget
from appliance.errors import ConfigError, WrongModelError
from appliance.estimate.settings import EstimateSettings
from appliance.inference.fake import FakeNetworks
from appliance.inference.settings import ModelSettings
from appliance.service import assemble
from appliance.tray.calibration import Calibration
from tests.camera.fake_clock import FakeClock
from tests.estimate import wells
from tests.service.networks import SlowNetworks, knowing

MODELS = Path("models")


def install(monkeypatch: pytest.MonkeyPatch, calibration: Calibration, networks: FakeNetworks) -> None:
    monkeypatch.setattr(assemble, "open_networks", lambda *_: networks)
    monkeypatch.setattr(assemble, "load_calibration", lambda _: calibration)


def test_settings_that_the_calibration_is_not_enough_for_are_refused_and_the_networks_let_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calibration = wells.calibration(full=False)
    networks = knowing(calibration)
    install(monkeypatch, calibration, networks)
    study = EstimateSettings(method="study")
    with pytest.raises(ConfigError, match=r"estimate: .* needs a full reference; calibrate with one"):
        assemble.open_measurer(calibration, study, ModelSettings(), Budget(5.0), FakeClock())
    assert networks.closed


def test_networks_that_cannot_start_are_told_of_by_their_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    calibration = wells.calibration()
    networks = knowing(calibration)
    networks.fault = WrongModelError("a.tflite: missing; copy the models folder again")
    install(monkeypatch, calibration, networks)
    told = r"^models: the networks do not start: a.tflite: missing; copy the models folder again$"
    with (
        pytest.raises(WrongModelError, match=told),
        assemble.unhurried_measurer(Path("calibration"), MODELS, FakeClock()),
    ):
        pass
    assert networks.closed


def test_slow_networks_learn_the_references_where_no_line_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    calibration, clock = wells.calibration(), FakeClock()
    networks = SlowNetworks(knowing(calibration), clock, depth=1.5, segmentation=1.5)
    install(monkeypatch, calibration, networks)
    with assemble.unhurried_measurer(Path("calibration"), MODELS, clock) as measurer:
        assert measurer.complaint is None
