"""From settings to parts: what cannot work is refused in one line, and nothing is left running."""

import pytest

from appliance.budget import Budget
from appliance.errors import ConfigError
from appliance.estimate.settings import EstimateSettings
from appliance.inference.settings import ModelSettings
from appliance.service import assemble
from tests.camera.fake_clock import FakeClock
from tests.estimate import wells
from tests.service.networks import knowing


def test_settings_that_the_calibration_is_not_enough_for_are_refused_and_the_networks_let_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calibration = wells.calibration(full=False)
    networks = knowing(calibration)
    monkeypatch.setattr(assemble, "open_networks", lambda *_: networks)
    study = EstimateSettings(method="study")
    with pytest.raises(ConfigError, match=r"estimate: .* needs a full reference; calibrate with one"):
        assemble.open_measurer(calibration, study, ModelSettings(), Budget(5.0), FakeClock())
    assert networks.closed
