from appliance.config import Settings
from appliance.doctor.calibration import calibration
from appliance.estimate.settings import EstimateSettings, VariantSettings
from appliance.tray.calibration_folder import save_calibration
from tests.estimate import wells


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
