"""The one place where a camera is made from its settings."""

from functools import partial

from appliance.camera.csi import CsiCamera
from appliance.camera.frame import FrameSource
from appliance.camera.replay import Replay
from appliance.camera.settings import CameraSettings, PicameraSettings, ReplaySettings, UsbSettings
from appliance.camera.simulator import SimulatedLine
from appliance.camera.usb import UsbCamera
from appliance.camera.worker import WorkerCamera
from appliance.clock import Clock, SystemClock


def open_camera(settings: CameraSettings, clock: Clock) -> FrameSource:
    """Return the camera that the settings ask for, not yet streaming: enter it, or call its `open`.

    Real cameras run in a worker process, since their drivers may crash or hang whatever process they are in.
    A camera that is not installed or not connected says so by `CameraError`: in `open`, or in the first
    `read` of one in a worker.
    """
    if isinstance(settings, PicameraSettings | UsbSettings):
        return WorkerCamera(
            partial(_device, settings),
            largest_px=settings.width * settings.height,
            max_age_s=settings.max_age_s,
            clock=clock,
        )
    if isinstance(settings, ReplaySettings):
        return Replay(settings, clock)
    return SimulatedLine(settings, clock)


def _device(settings: PicameraSettings | UsbSettings) -> FrameSource:
    """Return the camera itself; runs in the worker, whose clock is the machine's own."""
    if isinstance(settings, PicameraSettings):
        return CsiCamera(settings, SystemClock())
    return UsbCamera(settings, SystemClock())
