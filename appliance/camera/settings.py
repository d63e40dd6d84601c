"""The `[camera]` section of the settings: one model for each kind of camera, told apart by `kind`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from appliance.camera.simulation.kinds import TrayKind


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _DeviceSettings(_Settings):
    """What every real camera has."""

    width: int = Field(default=1280, ge=160, le=4656, description="Width of a frame in pixels.")
    height: int = Field(default=960, ge=120, le=3496, description="Height of a frame in pixels.")
    fps: float = Field(default=10.0, ge=1, le=60, description="Frames per second.")
    warm_up_s: float = Field(
        default=2.0,
        ge=0,
        le=5,
        description="Seconds of automatic exposure and white balance after the start; locked from then on.",
    )
    max_age_s: float = Field(
        default=1.0,
        ge=0.1,
        le=3,
        description="A frame older than this, in seconds, counts as a camera failure.",
    )


class PicameraSettings(_DeviceSettings):
    """A camera on the Raspberry Pi's ribbon connector, through picamera2."""

    kind: Literal["picamera2"] = Field(default="picamera2", description="Raspberry Pi camera.")
    number: int = Field(
        default=0, ge=0, le=3, description="Which camera, as `rpicam-hello --list-cameras` counts them."
    )
    exposure_us: int = Field(
        default=0,
        ge=0,
        le=100_000,
        description="Exposure time in microseconds; 0 keeps what the warm-up found. A fixed one makes "
        "pictures after a restart like those before it.",
    )
    gain: float = Field(
        default=0.0, ge=0, le=64, description="Analogue gain; 0 keeps what the warm-up found."
    )
    focus_dioptre: float = Field(
        default=0.0,
        ge=0,
        le=20,
        description="Lens position in 1/m, for a camera that can focus: 2 is half a metre. 0 focuses once, "
        "at the start.",
    )
    buffers: int = Field(
        default=3, ge=2, le=6, description="Frame buffers; few, because they come from scarce memory."
    )
    flip: bool = Field(default=False, description="Turn the picture by 180 degrees.")


class UsbSettings(_DeviceSettings):
    """A USB camera, through V4L2."""

    kind: Literal["usb"] = Field(default="usb", description="USB camera.")
    device: str = Field(
        default="/dev/video0",
        min_length=1,
        description="Device path, best one of /dev/v4l/by-id, or its number.",
    )


class ReplaySettings(_Settings):
    """Recorded pictures in place of a camera."""

    kind: Literal["replay"] = Field(default="replay", description="A folder of pictures, or a video file.")
    path: Path = Field(description="The folder (its pictures in the order of their names) or the video file.")
    fps: float = Field(
        default=10.0, ge=0.1, le=120, description="Frames per second; a video's own rate is not used."
    )
    loop: bool = Field(default=False, description="Start over at the end.")
    real_time: bool = Field(
        default=True, description="Give frames at `fps`; if false as fast as they are read."
    )


class SimulatorSettings(_Settings):
    """A painted tray line in place of a camera: the demo and the test bench."""

    kind: Literal["simulator"] = Field(default="simulator", description="Simulated tray line.")
    seed: int = Field(default=1, ge=0, le=2**31 - 1, description="Same seed, same trays in the same order.")
    width: int = Field(default=640, ge=160, le=1920, description="Width of a frame in pixels.")
    height: int = Field(default=480, ge=120, le=1440, description="Height of a frame in pixels.")
    fps: float = Field(default=10.0, ge=1, le=60, description="Frames per second.")
    real_time: bool = Field(
        default=True,
        description="Give frames at `fps`; if false as fast as they are painted, on simulated time.",
    )
    trays_per_minute: float = Field(
        default=12.0,
        ge=1,
        le=60,
        description="Pace of trays on the moving belt; one set down by hand lies for at least 1 s.",
    )
    angle: Literal["any", "upright"] = Field(
        default="any", description='How trays lie: "any" in-plane angle, or "upright" within 5 degrees.'
    )
    tray: TrayKind = Field(default="steel-5", description="Tray type.")
    belt: Literal["dark", "light"] = Field(default="dark", description="What the trays lie on.")
    view_mm: float = Field(
        default=700.0, ge=500, le=1500, description="Width of the view at the trays, in millimetres."
    )
    tilt_deg: float = Field(
        default=0.0, ge=0, le=15, description="Tilt of the camera against the vertical, in degrees."
    )
    noise: float = Field(
        default=2.0, ge=0, le=20, description="Sensor noise: standard deviation in grey levels of 255."
    )
    drift: float = Field(
        default=0.06, ge=0, le=0.5, description="Slow drift of the light: amplitude as a fraction."
    )
    exposure_s: float = Field(
        default=0.004, ge=0, le=0.05, description="Exposure time in seconds, the cause of motion blur."
    )
    litter: float = Field(
        default=0.15, ge=0, le=1, description="Share of trays that carry a spoon or a napkin."
    )
    glide: float = Field(
        default=4.0, ge=0, le=100, description="Weight of trays on the moving belt, well apart."
    )
    tailgate: float = Field(
        default=2.0, ge=0, le=100, description="Weight of trays on the belt that touch each other."
    )
    belt_stop: float = Field(
        default=1.0, ge=0, le=100, description="Weight of a belt that stops and goes on, with trays."
    )
    set_down: float = Field(
        default=2.0, ge=0, le=100, description="Weight of trays set down by hand and taken away."
    )
    nudge: float = Field(
        default=1.0, ge=0, le=100, description="Weight of lying trays that are pushed or turned."
    )
    stay: float = Field(default=0.3, ge=0, le=100, description="Weight of trays that lie for 20 to 60 s.")
    hand: float = Field(default=0.5, ge=0, le=100, description="Weight of hands passing without a tray.")
    napkin: float = Field(default=0.5, ge=0, le=100, description="Weight of napkins drifting on the belt.")
    lamps: float = Field(default=0.5, ge=0, le=100, description="Weight of lamps switched off and on.")
    empty: float = Field(default=0.5, ge=0, le=100, description="Weight of an empty belt for 3 to 12 s.")


CameraSettings = Annotated[
    PicameraSettings | UsbSettings | ReplaySettings | SimulatorSettings, Field(discriminator="kind")
]
"""Any camera's settings; pydantic picks the model by `kind`."""
