"""How the empty tray shines: steel mirrors an environment, plastic is lit by a lamp.

A surface of slope s at offset p from the tray's centre, seen from straight above, mirrors the environment in
about the direction 2 s + p / h, h being the lamps' height. Steep walls show walls of the room, so directions
are compressed towards the picture's edge. Turning the tray turns its slopes: the same tray looks different at
every angle, as real ones do.
"""

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from appliance.camera.simulation.dishes import Field, smooth_noise
from appliance.camera.simulation.kinds import Material
from appliance.camera.simulation.surfaces import TrayField

_LAMP_HEIGHT_MM = 900.0
_LIGHT = (-0.35, -0.45)
"""Where the main lamp stands, as a slope in picture axes."""

_PLASTIC_BGR = (163.0, 180.0, 176.0)
_REACH = 2.0
"""The environment picture spans directions from -_REACH to _REACH in both axes."""


def slopes(height_mm: Field, px_per_mm: float) -> tuple[Field, Field]:
    """Return the slopes of a height field along x and y, in mm per mm."""
    scale = px_per_mm / 8.0  # the Sobel kernel sums 8 differences of one pixel
    return (
        cv2.Sobel(height_mm, cv2.CV_32F, 1, 0, scale=scale).astype(np.float32, copy=False),
        cv2.Sobel(height_mm, cv2.CV_32F, 0, 1, scale=scale).astype(np.float32, copy=False),
    )


def turned(x: Field, y: Field, angle_deg: float) -> tuple[Field, Field]:
    """Turn vectors from tray axes to picture axes (y down) of a tray that lies at an angle."""
    cos, sin = np.float32(np.cos(np.deg2rad(angle_deg))), np.float32(np.sin(np.deg2rad(angle_deg)))
    return cos * x + sin * y, cos * y - sin * x


def facing(x: Field, y: Field) -> Field:
    """Return how far slopes, in picture axes, lean towards the main lamp; negative away from it."""
    return np.asarray(-_LIGHT[0] * x - _LIGHT[1] * y, np.float32)


def glints(x: Field, y: Field) -> Field:
    """Return 0..1 how far slopes, in picture axes, mirror the main lamp: wet spots shine where they do."""
    across, down = x + _LIGHT[0] / 2, y + _LIGHT[1] / 2
    return np.asarray(np.exp(-(across**2 + down**2) / 0.03), np.float32)


def empty_tray(material: Material, field: TrayField, angle_deg: float, rng: np.random.Generator) -> Field:
    """Return the empty tray as it lies at an angle, shape (height, width, 3), about 0..255."""
    x, y = turned(*slopes(field.steel_mm, field.px_per_mm), angle_deg)
    if material == "plastic":
        upright = 1.0 / np.sqrt(1.0 + x**2 + y**2)  # the normal's height: 1 on flat ground
        lamp = np.clip((1.0 + facing(x, y)) * upright, 0, None)  # Lambert
        room = (1.0 + upright) / 2.0  # the share of the ceiling that a slope sees
        lit = 0.5 * lamp + 0.5 * room
        return np.asarray(lit[:, :, None] * np.array(_PLASTIC_BGR, np.float32), np.float32)
    height, width = field.steel_mm.shape
    dents = np.float32(0.02) * smooth_noise(rng, (height, width), 30 * field.px_per_mm)
    across, down = turned(*_offsets(field), angle_deg)
    flatten = 2.0 / (1.0 + 0.8 * np.hypot(x, y))
    seen_at = [
        ((slope * flatten + offset + dent + _REACH) * (255.0 / (2 * _REACH))).astype(np.float32)
        for slope, offset, dent in ((x, across, dents), (y, down, dents[::-1]))
    ]
    seen = cv2.remap(
        _environment(), seen_at[0], seen_at[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return seen.astype(np.float32, copy=False)


def _offsets(field: TrayField) -> tuple[Field, Field]:
    """Return each pixel's offset from the tray's centre as a change of direction, in tray axes."""
    height, width = field.steel_mm.shape
    per_px = np.float32(1.0 / field.px_per_mm / _LAMP_HEIGHT_MM)
    x = (np.arange(width, dtype=np.float32) - width / 2) * per_px
    y = (np.arange(height, dtype=np.float32) - height / 2) * per_px
    return np.broadcast_to(x[None, :], (height, width)), np.broadcast_to(y[:, None], (height, width))


@lru_cache(maxsize=1)
def _environment() -> Field:
    """Return what steel mirrors, shape (256, 256, 3), 0..255: a room, two lamps, a window on the left."""
    axis = np.linspace(-_REACH, _REACH, 256, dtype=np.float32)
    x, y = axis[None, :], axis[:, None]

    def panel(centre: tuple[float, float], half: tuple[float, float], soft: float) -> npt.NDArray[np.float32]:
        across = 1 / (1 + np.exp((np.abs(x - centre[0]) - half[0]) / soft))
        down = 1 / (1 + np.exp((np.abs(y - centre[1]) - half[1]) / soft))
        return np.asarray(across * down, np.float32)

    ceiling = 0.34 + 0.40 * np.exp(-(x**2 + y**2) / 0.5)
    darker_side = 0.16 * np.exp(-((x - 1.3) ** 2 + (y + 0.2) ** 2) / 0.5)
    lamps = 0.50 * panel((-0.45, -1.05), (0.55, 0.13), 0.07) + 0.38 * panel((0.6, 1.1), (0.5, 0.13), 0.07)
    window = 0.26 * panel((-1.3, 0.25), (0.22, 0.6), 0.08)
    grey = ceiling - darker_side + lamps
    colour = np.dstack((grey + 1.2 * window, grey + window, grey + 0.85 * window))
    return (255.0 * cv2.GaussianBlur(colour, (0, 0), 3)).astype(np.float32)
