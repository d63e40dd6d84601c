"""Whether there is a calibration, and one that is enough."""

from collections.abc import Iterator

from appliance.config import Settings
from appliance.doctor.check import Check
from appliance.errors import JanbanError
from appliance.estimate.settings import EstimateSettings
from appliance.service.assemble import open_judge
from appliance.tray.calibration_folder import load_calibration


def calibration(settings: Settings) -> Check:
    """Load the calibration, and look whether it is enough for the settings."""
    folder = settings.device.calibration_dir
    try:
        found = load_calibration(folder)
    except JanbanError as error:
        again = f"appliance calibrate --empty EMPTY.jpg --full FULL.jpg --out {folder}"
        return Check("calibration", "fail", str(error), again)
    words = f"{len(found.layout.compartments)} compartments, in {folder}"
    for section, estimate in _estimates(settings):
        try:
            open_judge(found, estimate)
        except ValueError as error:
            advice = f"calibrate with --full, for every meal, or change [{section}]"
            return Check("calibration", "fail", f"{words}, not enough for [{section}]: {error}", advice)
    if found.full is None:
        return Check(
            "calibration", "warn", f"{words}, no full serving", "calibrate with --full, for every meal"
        )
    return Check("calibration", "ok", words)


def _estimates(settings: Settings) -> Iterator[tuple[str, EstimateSettings]]:
    yield "estimate", settings.estimate
    if settings.variant is not None:
        yield "variant.estimate", settings.variant.estimate
