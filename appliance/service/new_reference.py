"""A new reference for a calibration, out of a picture of a tray of its type."""

from dataclasses import replace
from typing import Literal

from appliance.clock import Clock
from appliance.errors import CalibrationError
from appliance.estimate.settings import EstimateSettings
from appliance.picture import Picture, has_colour
from appliance.service.pipeline import TrayMeasurer
from appliance.tray.calibration import Calibration
from appliance.tray.locate import locate
from appliance.tray.rectify import rectify
from appliance.tray.reference_quality import check_reference

What = Literal["full", "empty"]

_LEAST_SCORE = 0.5
"""As for the full reference of `appliance calibrate`: more than a tray that comes along has to have."""
_LEAST_IN_FRAME = 0.97
_EMPTY_AT_MOST = 0.1
_FULL_AT_LEAST = 0.3
"""By back projection without a full reference: simulated servings read 0.8, empty trays 0."""
_LOOK = EstimateSettings().parameters()


def with_reference(present: Calibration, what: What, picture: Picture, clock: Clock) -> Calibration:
    """Return the calibration with the tray in a picture (H, W, 3, BGR) as its full or empty reference.

    The outlines stay. Raises `CalibrationError` or `TrayNotFoundError` where the tray is not of its type, not
    seen whole, sharp and in colour, or has food on it where it should not, or none where it should.
    """
    check_reference(picture, f"the {what} reference")
    if not has_colour(picture):
        raise CalibrationError("the picture has no colour")
    bare = replace(present, full=None)
    located = locate(picture, bare)
    if located.score < _LEAST_SCORE:
        raise CalibrationError(f"it hardly looks like the calibrated tray (match {located.score:.2f})")
    if located.in_frame_fraction < _LEAST_IN_FRAME:
        raise CalibrationError("it is not seen whole")
    view, _ = rectify(picture, located.picture_from_tray, present.layout.tray_mm, present.px_per_mm)
    food = _food(bare, picture, clock)
    if what == "full":
        if food < _FULL_AT_LEAST:
            raise CalibrationError("there is little or no food on it")
        return replace(present, full=view)
    if food > _EMPTY_AT_MOST:
        raise CalibrationError("there is food on it")
    return replace(present, empty=view)


def _food(calibration: Calibration, picture: Picture, clock: Clock) -> float:
    """Return roughly how full the tray is, 0..1, by steel and not by any serving."""
    outcome = TrayMeasurer(calibration, _LOOK, clock).measure(picture).outcome
    if outcome.leftover is None:
        raise CalibrationError(outcome.reason or "it cannot be measured")
    return outcome.leftover
