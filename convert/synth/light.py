"""Diffuse light on a height field: horizons, soft shadows, light from all around."""

import math

import cv2
import numpy as np

from convert.synth.grid import CELL_MM, Colours, Field
from convert.synth.noise import smoothstep
from convert.synth.room import Room
from convert.synth.view import Pose

_AZIMUTHS = 12
_REACHES = (1, 2, 3, 5, 8, 12, 18, 27, 40, 58)


def slopes(surface: Field) -> tuple[Field, Field]:
    """Return the surface's slope in x and in y."""
    dx = cv2.Sobel(surface, cv2.CV_32F, 1, 0, ksize=3, scale=1 / (8 * CELL_MM))
    dy = cv2.Sobel(surface, cv2.CV_32F, 0, 1, ksize=3, scale=1 / (8 * CELL_MM))
    return np.clip(dx, -4, 4), np.clip(dy, -4, 4)


def horizons(surface: Field, around: Field) -> Field:
    """Return the tangent of the horizon's elevation in each of 12 directions, (12, rows, columns).

    Seen from `surface`; `around` is what rises above it, often the same.
    """
    rows, columns = surface.shape
    border = _REACHES[-1] + 1
    padded = cv2.copyMakeBorder(around, border, border, border, border, cv2.BORDER_REPLICATE)
    found = np.zeros((_AZIMUTHS, rows, columns), np.float32)
    for number in range(_AZIMUTHS):
        angle = 2 * np.pi * number / _AZIMUTHS
        for reach in _REACHES:
            right, down = round(reach * np.cos(angle)), round(reach * np.sin(angle))
            far = padded[border + down : border + down + rows, border + right : border + right + columns]
            away = max(np.hypot(right, down), 1.0) * CELL_MM
            np.maximum(found[number], (far - surface) * np.float32(1 / away), out=found[number])
    return found


def irradiance(
    surface: Field, bump: Field, above: Field | None, room: Room, pose: Pose
) -> tuple[Colours, Field]:
    """Return the diffuse light on every cell, (rows, columns, 3), and how open it is to the room (0..1).

    `above` is the surface with what hangs over it, and casts the shadows; None if there are none.
    A level white cell in the open under all lamps gets about lamps plus ambient of `room`.
    """
    around = np.zeros((_AZIMUTHS, 1, 1), np.float32) if above is None else horizons(surface, above)
    dx, dy = slopes(surface + bump)
    steep = 1 / np.sqrt(1 + dx * dx + dy * dy)
    sky = np.zeros_like(surface)
    for number, tangent in enumerate(around):
        angle = 2 * math.pi * number / _AZIMUTHS
        facing = (1 - 0.6 * (math.cos(angle) * dx + math.sin(angle) * dy)) * steep
        sky += np.clip(facing, 0, 2) / (1 + tangent * tangent)
    sky /= _AZIMUTHS
    light: Colours = room.ambient * sky[..., None]
    for lamp in room.lamps:
        x, y, z = lamp.position_mm
        right, down = _seen_from_tray(pose, x, y)
        # Relative to a level cell, whose cosine is z over the distance.
        cosine = np.maximum(1 - right / z * dx - down / z * dy, 0) * steep
        tangent_up = z / max(math.hypot(right, down), 1.0)
        visible = _visible(around, math.atan2(down, right), tangent_up, lamp.softness)
        light += lamp.irradiance * (cosine * visible)[..., None]
    # Light that bounces between what lies in a well and its walls.
    mean = light.mean(axis=(0, 1), dtype=np.float32)
    light += 0.35 * mean * np.clip(1 - sky, 0, 1)[..., None] * np.clip(sky + 0.25, 0, 1)[..., None]
    return light.astype(np.float32), np.clip(sky, 0, 1).astype(np.float32)


def _seen_from_tray(pose: Pose, x: float, y: float) -> tuple[float, float]:
    """Return a room place's x and y from the tray's centre, in the tray's frame."""
    east, south = x - pose.x_mm, y - pose.y_mm
    c, s = math.cos(pose.angle), math.sin(pose.angle)
    return c * east + s * south, -s * east + c * south


def _visible(around: Field, azimuth: float, tangent_up: float, softness: float) -> Field:
    place = azimuth / (2 * np.pi) * _AZIMUTHS % _AZIMUTHS
    first, share = int(place) % _AZIMUTHS, np.float32(place % 1)
    horizon = around[first] * (1 - share) + around[(first + 1) % _AZIMUTHS] * share
    width = softness * (1 + tangent_up * tangent_up)
    return smoothstep(-width, width, tangent_up - horizon)
