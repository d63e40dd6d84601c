"""Random fields and colours."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from convert.synth.grid import Colours, Field

Rng = np.random.Generator


def smooth_noise(rng: Rng, shape: tuple[int, int], scale: float, octaves: int = 3) -> Field:
    """Return noise of about zero mean and unit deviation whose largest waves are about `scale` cells long."""
    rows, columns = shape
    total = np.zeros(shape, np.float32)
    weight, power = 1.0, 0.0
    for _ in range(octaves):
        step = max(scale, 1.0)
        coarse = rng.standard_normal((int(rows / step) + 4, int(columns / step) + 4)).astype(np.float32)
        size = (max(columns, round(coarse.shape[1] * step)), max(rows, round(coarse.shape[0] * step)))
        fine = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
        down, right = rng.integers(0, size[1] - rows + 1), rng.integers(0, size[0] - columns + 1)
        total += weight * fine[down : down + rows, right : right + columns]
        power += weight * weight
        weight *= 0.55
        scale /= 2.1
    # Cubic interpolation between independent values keeps about 70 % of their deviation.
    return np.asarray(total / (0.7 * np.sqrt(power)), np.float32)


def smoothstep(low: float, high: float, value: Field) -> Field:
    """Return 0 below `low`, 1 above `high`, and a smooth step between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def linear(code: str) -> Colours:
    """Return the linear colour, shape (3,), of an sRGB code as `#a1b2c3`."""
    srgb = np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)], np.float32) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4).astype(np.float32)


def linear_picture(srgb: npt.NDArray[np.uint8]) -> Colours:
    """Return an 8-bit sRGB picture's linear values; any shape."""
    return _LINEAR[srgb]


_CODES = np.arange(256) / 255
_LINEAR = np.where(_CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4).astype(np.float32)


def uniform(rng: Rng, span: tuple[float, float]) -> float:
    """Return a number from the span."""
    return float(rng.uniform(*span))


def choose(rng: Rng, options: Sequence[str], weights: Sequence[float] | None = None) -> str:
    """Return one of the options, by weight."""
    share = None if weights is None else np.asarray(weights, float) / np.sum(weights)
    return options[int(rng.choice(len(options), p=share))]


def tinted(rng: Rng, colour: Colours, deviation: float) -> Colours:
    """Return the colour a little brighter or darker and shifted in hue."""
    gain = np.exp(rng.normal(0, deviation) + rng.normal(0, deviation / 2.5, 3))
    return np.clip(colour * gain, 0.003, 0.95).astype(np.float32)
