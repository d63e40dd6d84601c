"""Whether the camera shows the line."""

from itertools import pairwise
from typing import Final

import numpy as np

from appliance.budget import Budget
from appliance.camera.frame import EndOfFrames, FrameSource
from appliance.camera.health import fault_of
from appliance.camera.settings import PicameraSettings, UsbSettings
from appliance.clock import Deadline
from appliance.config import Settings
from appliance.doctor.check import Check
from appliance.doctor.instruments import Instruments
from appliance.doctor.running import Running
from appliance.errors import JanbanError
from appliance.picture import Picture

_FRAME_S: Final = 1.0
_COMPARED: Final = 5
"""Frames of a live sensor in a row of which no two are alike, for its noise."""

_REOPENED: Final = 3
"""Times since the start of the service from which a camera is suspect."""


def camera(settings: Settings, tools: Instruments, running: Running | None) -> Check:
    """Look at what the camera sees, or ask the service that holds it."""
    if running is None:
        return _look(settings, tools)
    if not running.answers:
        held = "systemctl stop janban, then try again; with service.metrics_port set, the service is asked"
        return Check("camera", "warn", "the service holds it, and answers no questions", held)
    return _as_the_service_sees(settings.camera.kind, running)


def _as_the_service_sees(kind: str, running: Running) -> Check:
    reopened = running.count("camera_reopens")
    if running.unable is not None and "frame" in running.unable:
        return Check("camera", "fail", f"{kind}, in use by the service: {running.unable}", _UNPLUG)
    if reopened >= _REOPENED:
        found = f"{kind}, in use by the service, which had to open it again {reopened} times"
        return Check("camera", "warn", found, "check its cable and its power supply")
    return Check("camera", "ok", f"{kind}, in use by the service, gives frames")


_UNPLUG: Final = "unplug the camera and plug it in again; a ribbon cable only with the power off"


def _look(settings: Settings, tools: Instruments) -> Check:
    kind, open_s = settings.camera.kind, Budget.of(settings.deadline).camera_open_s
    try:
        with tools.open_camera(settings.camera, tools.clock) as source:
            pictures = _pictures(source, Deadline.after(open_s, tools.clock))
    except EndOfFrames:
        return Check("camera", "fail", f"{kind} has no pictures", "name a folder or a video that has some")
    except JanbanError as error:
        return Check("camera", "fail", str(error), f"check its cable; {_UNPLUG}")
    height, width = pictures[-1].shape[:2]
    found = f"{kind}, {width}x{height} pixels"
    if fault := fault_of(pictures[-1]):
        return Check("camera", "fail", f"{found}: {fault}", "look at the lens and the light")
    if not isinstance(settings.camera, PicameraSettings | UsbSettings):
        return Check("camera", "warn", f"{found}, no real camera", "choose another camera.kind for a canteen")
    if len(pictures) == _COMPARED and all(np.array_equal(one, other) for one, other in pairwise(pictures)):
        return Check("camera", "fail", f"{found}: the picture is frozen, not even its noise moves", _UNPLUG)
    return Check("camera", "ok", found)


def _pictures(source: FrameSource, deadline: Deadline) -> list[Picture]:
    """Return some good pictures in a row, or the last one in time: the very first may be black."""
    good: list[Picture] = []
    while True:
        try:
            picture = source.read(deadline.remaining_s).image
        except EndOfFrames:
            if good:
                return good
            raise
        if fault_of(picture) is None:
            good.append(picture)
            if len(good) == _COMPARED:
                return good
        if deadline.remaining_s < _FRAME_S:
            return good or [picture]
