"""`appliance photograph`: one picture by the box's own camera, to calibrate with."""

import argparse

from appliance.budget import Budget
from appliance.camera.frame import EndOfFrames, FrameSource
from appliance.camera.health import fault_of
from appliance.camera.open import open_camera
from appliance.clock import Deadline, SystemClock
from appliance.config import load
from appliance.errors import CameraError
from appliance.picture import Picture, save_picture


def command(options: argparse.Namespace) -> int:
    """Take a picture as the service would and write it; raises `JanbanError`, with nothing written."""
    settings, clock = load(options.config), SystemClock()
    try:
        with open_camera(settings.camera, clock) as source:
            picture = good_picture(source, Deadline.after(Budget.of(settings.deadline).camera_open_s, clock))
    except CameraError as error:
        held = "if the service runs, it holds the camera: systemctl stop janban, then try again"
        raise CameraError(f"{error}; {held}") from None
    save_picture(options.out, picture)
    height, width = picture.shape[:2]
    print(f"wrote {options.out}, {width}x{height} pixels")
    return 0


def good_picture(source: FrameSource, deadline: Deadline) -> Picture:
    """Return the first picture that is neither black nor over-exposed: the very first of a camera may be.

    Raises `CameraError` where none comes by then.
    """
    fault = "it gave no picture in time"
    while not deadline.passed:
        try:
            picture = source.read(deadline.remaining_s).image
        except EndOfFrames:
            raise CameraError(f"there is no picture to be had: {fault}") from None
        found = fault_of(picture)
        if found is None:
            return picture
        fault = found
    raise CameraError(f"the camera shows nothing: {fault}")
