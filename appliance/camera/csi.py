"""A camera on the Raspberry Pi's ribbon connector, through picamera2."""

import importlib
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType, TracebackType
from typing import Any, Self

import numpy as np

from appliance.budget import WATCHDOG_S
from appliance.camera.frame import Frame
from appliance.camera.settings import PicameraSettings
from appliance.clock import Clock
from appliance.errors import CameraError

_LOG = logging.getLogger(__name__)

_FOCUS_S = WATCHDOG_S / 15
_FIRST_FRAME_S = WATCHDOG_S / 10


class CsiCamera:
    """A `FrameSource` that keeps one configuration streaming, with few buffers.

    Opening and switching modes use up contiguous memory and take up to 700 ms, so neither happens while it
    streams. Exposure, white balance and focus settle during the warm-up and are locked from then on.
    """

    def __init__(
        self,
        settings: PicameraSettings,
        clock: Clock,
        load: Callable[[str], ModuleType] = importlib.import_module,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._load = load
        self._camera: Any = None
        self._index = 0

    def open(self) -> None:
        """Start streaming, wait for the warm-up, lock; raises `CameraError` if that cannot be."""
        self.close()
        picamera2, libcamera = self._modules()
        number = self._settings.number
        found = len(picamera2.Picamera2.global_camera_info())
        if number >= found:
            raise CameraError(
                f"Camera {number} is not connected ({found} found); check its ribbon cable, then"
                " `rpicam-hello --list-cameras`"
            )
        try:
            self._camera = picamera2.Picamera2(number)
            self._start(libcamera)
            self._lock()
        except CameraError:
            self.close()
            raise
        except Exception as error:  # libcamera's binding raises RuntimeError and more
            self.close()
            raise CameraError(
                f"Camera {number} does not start ({error}); is another program using it?"
            ) from error

    def _modules(self) -> tuple[ModuleType, ModuleType]:
        try:
            return self._load("picamera2"), self._load("libcamera")
        except ImportError as error:
            raise CameraError(
                "picamera2 is not installed; run `sudo apt install python3-picamera2` (a virtual environment"
                f" needs --system-site-packages): {error}"
            ) from None

    def _start(self, libcamera: ModuleType) -> None:
        settings = self._settings
        frame_us = round(1e6 / settings.fps)
        controls: dict[str, Any] = {"FrameDurationLimits": (frame_us, frame_us)}
        if settings.exposure_us:
            controls["ExposureTime"] = settings.exposure_us
        if settings.gain:
            controls["AnalogueGain"] = settings.gain
        configuration = self._camera.create_video_configuration(
            # libcamera names formats by little-endian words: its RGB888 lies in memory as blue, green, red.
            main={"size": (settings.width, settings.height), "format": "RGB888"},
            buffer_count=settings.buffers,
            queue=False,
            transform=libcamera.Transform(hflip=settings.flip, vflip=settings.flip),
            controls=controls,
        )
        self._camera.configure(configuration)
        self._camera.start()

    def _lock(self) -> None:
        """Let exposure, white balance and focus settle, then hold them."""
        focus = self._focus()
        self._clock.sleep_s(self._settings.warm_up_s)
        found = self._metadata()
        held = {"AeEnable": False, "AwbEnable": False}
        held |= {
            name: found[name] for name in ("ExposureTime", "AnalogueGain", "ColourGains") if name in found
        }
        self._camera.set_controls(held | focus)
        _LOG.info("camera %d locked at %s", self._settings.number, held | focus)

    def _focus(self) -> dict[str, Any]:
        """Focus once and return the controls that hold the lens; nothing for a lens that cannot move."""
        if "AfMode" not in self._camera.camera_controls:
            return {}
        manual = {"AfMode": 0}
        if self._settings.focus_dioptre:
            held = manual | {"LensPosition": self._settings.focus_dioptre}
            self._camera.set_controls(held)
            return held
        try:
            sharp = self._camera.autofocus_cycle(wait=_FOCUS_S)
        except TimeoutError:
            sharp = False
        if not sharp:
            _LOG.warning("camera %d found no focus; set camera.focus_dioptre", self._settings.number)
        return manual | {"LensPosition": self._metadata().get("LensPosition", 1.0)}

    def _metadata(self) -> dict[str, Any]:
        metadata: dict[str, Any] = self._camera.capture_metadata(wait=_FIRST_FRAME_S)
        return metadata

    def read(self, timeout_s: float) -> Frame:
        """Return the next frame, exposed at most `max_age_s` ago; raise `CameraError` after `timeout_s`."""
        if self._camera is None:
            raise CameraError("The camera is not open; call open() before read()")
        oldest_ns = round((self._clock.monotonic_s() - self._settings.max_age_s) * 1e9)
        try:
            # `wait` in seconds raises instead of hanging; `flush` drops frames exposed before that moment.
            request = self._camera.capture_request(wait=timeout_s, flush=max(1, oldest_ns))
            try:
                image = np.ascontiguousarray(request.make_array("main")[:, :, :3])
                captured_s = request.get_metadata().get("SensorTimestamp", 0) / 1e9
            finally:
                request.release()
        except TimeoutError:
            raise CameraError(
                f"Camera {self._settings.number} gave no frame within {timeout_s:g} s; it hangs"
            ) from None
        except Exception as error:  # whatever the binding raises, the camera is unusable
            raise CameraError(f"Camera {self._settings.number} failed: {error}") from error
        now_s = self._clock.monotonic_s()
        captured_s = captured_s or now_s
        captured_at = datetime.fromtimestamp(self._clock.utc().timestamp() - (now_s - captured_s), UTC)
        frame = Frame(image, captured_s, captured_at, self._index)
        self._index += 1
        return frame

    def close(self) -> None:
        """Stop streaming and free the camera."""
        camera, self._camera = self._camera, None
        self._index = 0
        if camera is not None:
            try:
                camera.stop()
                camera.close()
            except Exception as error:  # noqa: BLE001 - a camera that cannot even stop is lost anyway
                _LOG.warning("camera %d did not close: %s", self._settings.number, error)

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
