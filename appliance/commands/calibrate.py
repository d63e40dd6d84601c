"""`appliance calibrate`: find the tray and its compartments, keep the references."""

import argparse
import json
import math

import cv2
import numpy as np

from appliance.errors import CalibrationError
from appliance.picture import has_colour, load_picture, save_picture
from appliance.tray.calibration import Calibration, calibrate
from appliance.tray.calibration_folder import save_calibration
from appliance.tray.layout import Compartment


def command(options: argparse.Namespace) -> int:
    """Calibrate from pictures and write the folder; raises `JanbanError`."""
    empty = load_picture(options.empty)
    full = None if options.full is None else load_picture(options.full)
    calibration = calibrate(empty, full, options.tray_mm)
    for path, picture in ((options.empty, empty), (options.full, full)):
        if picture is not None and not has_colour(picture):
            raise CalibrationError(f"{path}: has no colour; take it with a colour camera")
    save_calibration(calibration, options.out, str(options.empty), options.full and str(options.full))
    overview = options.out / "overview.png"
    save_picture(overview, _overview(calibration))
    wells = [
        {
            "id": c.id,
            "name": c.name,
            "capacity_cm3": round(_capacity_mm3(c) / 1000, 1),
            "centre_mm": [round(float(v), 1) for v in c.outline_mm.mean(axis=0)],
        }
        for c in calibration.layout.compartments
    ]
    if options.json:
        print(json.dumps({"calibration": str(options.out), "overview": str(overview), "compartments": wells}))
        return 0
    width, height = calibration.layout.tray_mm
    print(f"tray {width:.0f} x {height:.0f} mm with {len(wells)} compartments:")
    for well in wells:
        print(f"  {well['id']}  {well['name']}, about {well['capacity_cm3']:.0f} cm3")
    if full is None:
        print("no full serving given: leftovers are only rough until --full is added")
    print(f"wrote {options.out}; look at {overview}, and correct layout.toml if an outline is off")
    return 0


def _capacity_mm3(compartment: Compartment) -> float:
    """Return what a well holds up to its opening: a frustum between floor and opening outlines."""
    outlines = (compartment.outline_mm, compartment.floor_mm)
    top, bottom = (abs(float(cv2.contourArea(outline.astype(np.float32)))) for outline in outlines)
    return compartment.depth_mm / 3 * (top + bottom + math.sqrt(top * bottom))


def _overview(calibration: Calibration) -> np.typing.NDArray[np.uint8]:
    """Draw openings and floors on the references, side by side."""
    pictures = [calibration.empty] if calibration.full is None else [calibration.empty, calibration.full]
    drawn = []
    for reference in pictures:
        canvas = reference.copy()
        for c in calibration.layout.compartments:
            for outline_mm, ink in ((c.outline_mm, (60, 220, 60)), (c.floor_mm, (60, 200, 240))):
                points = np.round(outline_mm * calibration.px_per_mm).astype(np.int32)
                cv2.polylines(canvas, [points.reshape(-1, 1, 2)], isClosed=True, color=ink, thickness=2)
            x, y = np.round(c.outline_mm.mean(axis=0) * calibration.px_per_mm).astype(int)
            cv2.putText(canvas, str(c.id), (int(x) - 10, int(y) + 10), 0, 1.0, (60, 60, 255), 2)
        drawn.append(canvas)
    return np.hstack(drawn)
