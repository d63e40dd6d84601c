"""From radiance to the camera's JPEG: exposure, lens, blur, noise, colours."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from convert.synth.grid import Colours
from convert.synth.noise import Rng, uniform

Rgb8 = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Sensor:
    """A camera's settings, fixed for a set-up."""

    exposure: float
    balance: Colours
    """Gains of red, green and blue."""
    vignetting: float
    blur_px: float
    photons: float
    """Electrons at white: fewer are noisier."""
    read_noise: float
    contrast: float
    saturation: float
    sharpening: float
    quality: int


def draw_sensor(rng: Rng, white: Colours) -> Sensor:
    """Return random settings under which a sheet that reflects `white` is about white."""
    corrected = rng.uniform(0.55, 1.05)
    balance = (white.mean() / white) ** corrected * np.exp(rng.normal(0, 0.035, 3))
    return Sensor(
        exposure=uniform(rng, (0.7, 1.15)) / float(white.mean()),
        balance=balance.astype(np.float32),
        vignetting=uniform(rng, (0, 0.35)),
        blur_px=uniform(rng, (0.2, 0.8)),
        photons=float(np.exp(uniform(rng, (6.8, 10.5)))),
        read_noise=uniform(rng, (0.0003, 0.004)),
        contrast=uniform(rng, (0.0, 0.45)),
        saturation=uniform(rng, (0.8, 1.15)),
        sharpening=uniform(rng, (0, 0.6)),
        quality=int(rng.integers(72, 96)),
    )


def jittered(rng: Rng, sensor: Sensor) -> Sensor:
    """Return the settings of one picture: exposure and colours move a little with what the camera sees."""
    return replace(
        sensor,
        exposure=sensor.exposure * float(np.exp(rng.normal(0, 0.05))),
        balance=(sensor.balance * np.exp(rng.normal(0, 0.012, 3))).astype(np.float32),
    )


def develop(rng: Rng, sensor: Sensor, radiance: Colours, motion_px: tuple[float, float]) -> Rgb8:
    """Return the 8-bit picture; `motion_px` is how far (columns, rows) the tray moved during the exposure."""
    picture = _moved(radiance, motion_px) * (sensor.exposure * sensor.balance)
    picture = picture * _falloff(picture.shape[:2], sensor.vignetting)[..., None]
    glow = cv2.GaussianBlur(np.minimum(picture, 6), (0, 0), picture.shape[1] / 40)
    picture = picture * 0.985 + 0.015 * glow
    picture = cv2.GaussianBlur(picture, (0, 0), max(sensor.blur_px, 0.05))
    picture = np.clip(picture, 0, 1.0)
    deviation = np.sqrt(picture / sensor.photons + sensor.read_noise**2)
    picture = picture + deviation * rng.standard_normal(picture.shape).astype(np.float32)
    grey = picture @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    picture = np.clip(grey[..., None] + sensor.saturation * (picture - grey[..., None]), 0, 1)
    srgb = np.where(picture <= 0.0031308, picture * 12.92, 1.055 * np.power(picture, 1 / 2.4) - 0.055)
    curved = srgb + sensor.contrast * (srgb * srgb * (3 - 2 * srgb) - srgb)
    soft = cv2.GaussianBlur(curved, (0, 0), 1.0)
    sharp = curved + sensor.sharpening * (curved - soft)
    return np.asarray(np.clip(sharp * 255 + 0.5, 0, 255), np.uint8)


def encode(picture: Rgb8, quality: int) -> bytes:
    """Return the RGB picture as a JPEG file."""
    _, data = cv2.imencode(".jpg", picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return bytes(data.tobytes())


def _moved(picture: Colours, motion_px: tuple[float, float]) -> Colours:
    length = float(np.hypot(*motion_px))
    if length < 0.5:
        return picture
    half = int(np.ceil(length / 2)) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    for t in np.linspace(-0.5, 0.5, 41):
        u, v = half + t * motion_px[0], half + t * motion_px[1]
        column, row = int(u), int(v)
        for dr, dc in ((0, 0), (0, 1), (1, 0), (1, 1)):
            weight = abs(1 - dc - (u - column)) * abs(1 - dr - (v - row))
            kernel[min(row + dr, 2 * half), min(column + dc, 2 * half)] += weight
    blurred = cv2.filter2D(picture, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, np.float32)


def _falloff(shape: tuple[int, ...], strength: float) -> Colours:
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    return np.asarray(1 - strength * (x * x + y * y) / 2, np.float32)
