"""What a calibration consists of."""

from dataclasses import dataclass

from appliance.picture import Picture
from appliance.tray.layout import Layout


@dataclass(frozen=True, eq=False)
class Calibration:
    """What `appliance calibrate` found.

    `empty` and `full` are rectified top views of the references (blue, green, red), `px_per_mm` pixels per
    tray millimetre, so that tray point (x, y) mm is rectified pixel (x, y) * px_per_mm.
    """

    layout: Layout
    px_per_mm: float
    empty: Picture
    full: Picture | None
