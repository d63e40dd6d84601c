"""A site's calibration: the layout and the rectified references."""

from appliance.errors import CalibrationError, TrayNotFoundError
from appliance.picture import Picture
from appliance.tray.calibration_folder import load_calibration, save_calibration
from appliance.tray.find_layout import find_layout
from appliance.tray.locate import locate
from appliance.tray.rectify import rectify
from appliance.tray.reference_quality import check_reference
from appliance.tray.references import Calibration

__all__ = ["PX_PER_MM", "Calibration", "calibrate", "load_calibration", "save_calibration"]

PX_PER_MM = 1.6
"""Finer than the cameras show a tray (about 1.4 pixels a millimetre), small enough to be measured fast."""

_LEAST_FULL_SCORE = 0.5
"""A reference is taken with care: it has to match better than a tray that comes along."""


def calibrate(empty: Picture, full: Picture | None, tray_mm: tuple[float, float]) -> Calibration:
    """Find the layout in a picture of an empty tray and bring both references into its frame.

    Pictures (H, W, 3), BGR. `tray_mm` is the tray's size; its long side is laid along the long side found.
    Raises `CalibrationError` where a reference is unusable, with the reason.
    """
    if not 50 <= min(tray_mm) <= max(tray_mm) <= 1000:
        raise CalibrationError(f"tray size {tray_mm[0]:g}x{tray_mm[1]:g} mm: sides must be 50 to 1000 mm")
    check_reference(empty, "the empty reference")
    found = find_layout(empty, tray_mm)
    size = found.layout.tray_mm
    empty_view, _ = rectify(empty, found.picture_from_tray, size, PX_PER_MM)
    full_view = None
    if full is not None:
        check_reference(full, "the full reference")
        try:
            located = locate(full, Calibration(found.layout, PX_PER_MM, empty_view, None))
        except TrayNotFoundError as error:
            raise CalibrationError(
                f"the full reference does not show the tray of the empty one ({error});"
                " take both of one tray type"
            ) from None
        if located.score < _LEAST_FULL_SCORE:
            raise CalibrationError(
                f"the full reference does not show the tray of the empty one (match {located.score:.2f});"
                " take both of one tray type"
            )
        if located.in_frame_fraction < 0.97:
            raise CalibrationError("the full reference shows only part of the tray; take it whole")
        full_view, _ = rectify(full, located.picture_from_tray, size, PX_PER_MM)
    return Calibration(found.layout, PX_PER_MM, empty_view, full_view)
