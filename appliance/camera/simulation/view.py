"""What the camera sees of the belt: sprites laid over it in perspective, blurred by motion, lit, noisy."""

import cv2
import numpy as np
import numpy.typing as npt

from appliance.camera.settings import SimulatorSettings
from appliance.camera.simulation import props
from appliance.camera.simulation.sprite import Sprite
from appliance.picture import Picture

Matrix = npt.NDArray[np.float64]

CAMERA_HEIGHT_MM = 620.0
"""Of the camera above the belt: with the view's width it gives the perspective of a tilted camera."""

_NOISE_PICTURES = 4
_NOISE_ROWS = 64


class View:
    """The camera's geometry and the light on its picture; paints one frame after the other."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self.size = (settings.width, settings.height)
        self.px_per_mm = settings.width / settings.view_mm
        self.picture_from_belt = _projection(settings, self.px_per_mm)
        self._belt = props.belt(settings.belt, self.size, self.px_per_mm)
        self._noise = _noise(settings)
        self._vignette = _vignette(self.size)
        self._lamps = _mirrored_lamps(self.size)

    def place(self, sprite_px_per_mm: float, x_mm: float, y_mm: float, angle_deg: float) -> Matrix:
        """Return the homography from sprite pixels relative to the sprite's centre to picture pixels."""
        turn = np.deg2rad(angle_deg)
        cos, sin = np.cos(turn) / sprite_px_per_mm, np.sin(turn) / sprite_px_per_mm
        pose = np.array([[cos, sin, x_mm], [-sin, cos, y_mm], [0, 0, 1]])
        return np.asarray(self.picture_from_belt @ pose)

    def belt(self, moved_mm: float) -> Picture:
        """Return a fresh picture of the bare belt after it has moved to the right."""
        width = self.size[0]
        period = self._belt.shape[1]
        first = int(-moved_mm * self.px_per_mm) % period
        if first + width <= period:
            return self._belt[:, first : first + width].copy()
        return np.concatenate((self._belt[:, first:], self._belt[:, : first + width - period]), axis=1)

    def lay(self, picture: Picture, sprite: Sprite, placing: Matrix, motion_px: tuple[float, float]) -> None:
        """Draw a sprite over the picture in place, smeared along the way it moves during the exposure."""
        height, width = sprite.bgra.shape[:2]
        centred = placing @ np.array([[1, 0, -(width - 1) / 2], [0, 1, -(height - 1) / 2], [0, 0, 1]])
        corners = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float64)
        box = cv2.perspectiveTransform(corners, centred)[0]
        reach = 2 + max(abs(motion_px[0]), abs(motion_px[1]))
        left, top = np.floor(np.maximum(box.min(axis=0) - reach, 0)).astype(int).tolist()
        right, bottom = np.ceil(np.minimum(box.max(axis=0) + reach, self.size)).astype(int).tolist()
        if left >= right or top >= bottom:
            return
        window = (slice(top, bottom), slice(left, right))
        shifted = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1.0]]) @ centred
        patch = _smear(_warp(sprite.bgra, shifted, (right - left, bottom - top)), motion_px)
        under = cv2.multiply(picture[window], cv2.merge([255 - patch[:, :, 3]] * 3), scale=1 / 255)
        laid = cv2.add(under, patch[:, :, :3])
        if sprite.mirror is not None:
            mirror = _warp(sprite.mirror, shifted, (right - left, bottom - top))
            shine = cv2.multiply(mirror, self._lamps[window], scale=1 / 255)
            laid = cv2.add(laid, cv2.merge([shine] * 3))
        picture[window] = laid

    def expose(self, picture: Picture, gain: npt.NDArray[np.float64], index: int) -> Picture:
        """Return the picture as the sensor gives it: lamps' gain (blue, green, red), uneven light, noise."""
        lit = cv2.transform(picture, np.diag(gain))
        lit = cv2.multiply(lit, self._vignette, scale=1 / 255)
        # A window into a few noise pictures, moved on so that neighbouring frames never carry the same noise.
        first = index * 37 % _NOISE_ROWS
        brighter, darker = self._noise[index % len(self._noise)][:, first : first + self.size[1]]
        lit = cv2.subtract(cv2.add(lit, brighter), darker)
        return np.asarray(lit, np.uint8)


def _projection(settings: SimulatorSettings, px_per_mm: float) -> Matrix:
    """Return the homography from belt millimetres around the view's centre to pixels; the tilt is about x."""
    to_pixels = np.array(
        [[px_per_mm, 0, settings.width / 2], [0, px_per_mm, settings.height / 2], [0, 0, 1.0]]
    )
    tilt = np.deg2rad(settings.tilt_deg)
    # The plane of the belt as a tilted pinhole sees it that looks at its centre from CAMERA_HEIGHT_MM.
    seen = np.array([[1, 0, 0], [0, np.cos(tilt), 0], [0, np.sin(tilt) / CAMERA_HEIGHT_MM, 1.0]])
    return np.asarray(to_pixels @ seen)


def _warp(picture: npt.NDArray[np.uint8], matrix: Matrix, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    if abs(matrix[2, 0]) + abs(matrix[2, 1]) < 1e-9:
        return np.asarray(cv2.warpAffine(picture, matrix[:2], size, flags=cv2.INTER_LINEAR), np.uint8)
    return np.asarray(cv2.warpPerspective(picture, matrix, size, flags=cv2.INTER_LINEAR), np.uint8)


def _smear(patch: npt.NDArray[np.uint8], motion_px: tuple[float, float]) -> npt.NDArray[np.uint8]:
    length = float(np.hypot(*motion_px))
    if length < 0.5:
        return patch
    if abs(motion_px[1]) < 0.5:
        return np.asarray(cv2.sepFilter2D(patch, -1, _line(length), np.ones(1, np.float32)), np.uint8)
    side = 2 * int(np.ceil(length / 2)) + 1
    middle = side // 2
    kernel = np.zeros((side, side), np.float32)
    scale = 16  # fixed-point bits would be coarser than the line's ends need
    half = (motion_px[0] / 2 * scale, motion_px[1] / 2 * scale)
    ends = [(round(middle * scale + s * half[0]), round(middle * scale + s * half[1])) for s in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1, cv2.LINE_AA, 4)
    kernel[middle, middle] = max(kernel[middle, middle], 1.0)
    return np.asarray(cv2.filter2D(patch, -1, kernel / kernel.sum()), np.uint8)


def _line(length: float) -> npt.NDArray[np.float32]:
    """Return a box of a fractional length as a kernel of odd size and sum 1."""
    reach = int(np.ceil(max(0.0, (length - 1) / 2)))
    kernel = np.ones(2 * reach + 1, np.float32)
    if reach > 0:
        kernel[0] = kernel[-1] = (length - (2 * reach - 1)) / 2
    return np.asarray(kernel / kernel.sum(), np.float32)


def _noise(settings: SimulatorSettings) -> list[npt.NDArray[np.uint8]]:
    """Return noise pictures, each of shape (2, more than height, width, 3): what is added, what is taken."""
    rng = np.random.default_rng([settings.seed, 2])
    shape = (settings.height + _NOISE_ROWS, settings.width, 3)
    drawn = (np.rint(rng.standard_normal(shape, np.float32) * settings.noise) for _ in range(_NOISE_PICTURES))
    return [np.clip([one, -one], 0, 255).astype(np.uint8) for one in drawn]


def _axes(size: tuple[int, int]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    x = np.linspace(-1, 1, size[0], dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, size[1], dtype=np.float32)[:, None] * np.float32(size[1] / size[0])
    return x, y


def _vignette(size: tuple[int, int]) -> Picture:
    """Return how much light reaches each pixel (0..255): less towards the corners, more under the lamp."""
    x, y = _axes(size)
    light = 1.0 - 0.13 * (x**2 + y**2) - 0.05 * (x - 0.4 * y)
    return np.repeat(np.clip(light * 245, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def _mirrored_lamps(size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Return where flat steel mirrors the lamps into the lens: bands that stand still while trays pass."""
    x, y = _axes(size)
    band = np.exp(-(((y + 0.22) / 0.13) ** 2)) * np.exp(-((x / 0.75) ** 4))
    second = 0.7 * np.exp(-(((y - 0.38) / 0.10) ** 2)) * np.exp(-(((x - 0.3) / 0.5) ** 4))
    return np.asarray(np.clip(80 * (band + second), 0, 255), np.uint8)
