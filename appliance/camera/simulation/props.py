"""Things on the line that are no trays: hands, napkins, spoons; and the belt."""

from functools import lru_cache
from typing import Literal

import cv2
import numpy as np

from appliance.camera.simulation.dishes import Field, smooth_noise
from appliance.camera.simulation.sprite import Sprite
from appliance.picture import Picture

VARIANTS = 6
"""How many different hands and napkins there are; more would only cost memory."""


def _sprite(colour: Field, alpha: Field, px_per_mm: float) -> Sprite:
    alpha = cv2.GaussianBlur(alpha, (0, 0), 0.8).astype(np.float32, copy=False)
    bgra = np.dstack((np.clip(colour, 0, 255) * alpha[:, :, None], alpha * 255))
    return Sprite(bgra.astype(np.uint8), None, px_per_mm)


def hand(seed: int, px_per_mm: float) -> Sprite:
    """Return a hand, bare or gloved, its fingertips at the sprite's centre, its forearm reaching down."""
    return _hand(seed % VARIANTS, px_per_mm)


def napkin(seed: int, px_per_mm: float) -> Sprite:
    """Return a crumpled white paper napkin of 70 to 130 mm."""
    return _napkin(seed % VARIANTS, px_per_mm)


@lru_cache(maxsize=2 * VARIANTS)
def _hand(variant: int, px_per_mm: float) -> Sprite:
    rng = np.random.default_rng([variant, 11])
    length_mm, width_mm = 420.0, 220.0
    height, width = round(2 * length_mm * px_per_mm), round(width_mm * px_per_mm)
    shape = np.zeros((height, width), np.float32)

    def px(x_mm: float, y_mm: float) -> tuple[int, int]:
        return round(width / 2 + x_mm * px_per_mm), round(height / 2 + y_mm * px_per_mm)

    def limb(x0: float, y0: float, x1: float, y1: float, thick_mm: float) -> None:
        cv2.line(shape, px(x0, y0), px(x1, y1), 1.0, max(1, round(thick_mm * px_per_mm)), cv2.LINE_AA)

    for i, reach_mm in enumerate((14.0, 2.0, 0.0, 10.0)):
        limb(-33 + 22 * i, 85, -36 + 24 * i, reach_mm + 9, 18)
    limb(-42, 110, -66, 55, 21)
    limb(0, 118, 0, 100, 84)
    limb(0, 130, rng.uniform(-40, 40), length_mm + 40, 66)
    gloved = variant % 2 == 1
    base = np.array((190, 130, 60) if gloved else (130, 165, 214), np.float32)
    # A rounded look: brightness follows the distance to the outline.
    inner = cv2.distanceTransform((shape > 0.5).astype(np.uint8), cv2.DIST_L2, 3) / (22 * px_per_mm)
    shade = 0.66 + 0.36 * np.clip(inner, 0, 1) + 0.03 * smooth_noise(rng, (height, width), 9 * px_per_mm)
    return _sprite(np.asarray(base * shade[:, :, None], np.float32), np.clip(shape, 0, 1), px_per_mm)


@lru_cache(maxsize=2 * VARIANTS)
def _napkin(variant: int, px_per_mm: float) -> Sprite:
    rng = np.random.default_rng([variant, 12])
    side = round(150 * px_per_mm)
    turns = np.linspace(0, 2 * np.pi, 11)[:-1] + rng.uniform(-0.2, 0.2, 10)
    radii = rng.uniform(35, 65, 10) * px_per_mm
    corners = side / 2 + radii[:, None] * np.column_stack((np.cos(turns), np.sin(turns)))
    shape = np.zeros((side, side), np.float32)
    cv2.fillPoly(shape, [np.round(corners).astype(np.int32)], (1.0,))
    folds = np.abs(smooth_noise(rng, (side, side), 14 * px_per_mm))
    shade = 236 - 46 * np.clip(folds, 0, 1.2) + 4 * smooth_noise(rng, (side, side), 4 * px_per_mm)
    return _sprite(np.repeat(shade[:, :, None], 3, axis=2).astype(np.float32), shape, px_per_mm)


@lru_cache(maxsize=4)
def spoon(px_per_mm: float) -> Sprite:
    """Return a steel spoon of 200 mm, lying along x."""
    height, width = round(50 * px_per_mm), round(210 * px_per_mm)
    shape = np.zeros((height, width), np.float32)
    shade = np.full((height, width), 165.0, np.float32)
    bowl = (round(32 * px_per_mm), height // 2)
    axes = (max(1, round(28 * px_per_mm)), max(1, round(19 * px_per_mm)))
    cv2.line(
        shape, bowl, (round(200 * px_per_mm), height // 2), 1.0, max(1, round(8 * px_per_mm)), cv2.LINE_AA
    )
    cv2.ellipse(shape, bowl, axes, 0, 0, 360, 1.0, -1, cv2.LINE_AA)
    cv2.ellipse(shade, bowl, (axes[0] * 3 // 4, axes[1] * 3 // 4), 0, 0, 360, 92.0, -1)
    shade = cv2.GaussianBlur(shade, (0, 0), 3 * px_per_mm).astype(np.float32, copy=False)
    shade[height // 2 :] += 40
    return _sprite(np.repeat(shade[:, :, None], 3, axis=2), shape, px_per_mm)


def belt(kind: Literal["dark", "light"], size: tuple[int, int], px_per_mm: float) -> Picture:
    """Return a belt for pictures of `size` (width, height): twice as wide, its ends meeting seamlessly."""
    width, height = size[0] * 2, size[1]
    rng = np.random.default_rng([13])
    level = 62.0 if kind == "dark" else 186.0
    weave = 1.6 * rng.standard_normal((height, width)).astype(np.float32)
    marks = 2.5 * smooth_noise(rng, (height, width), 25 * px_per_mm)
    marks += marks[:, ::-1]  # mirrored on itself, so that both ends meet
    grey = level + weave + marks
    for x in range(0, width, max(8, width // 8)):
        grey[:, x : x + max(1, round(1.5 * px_per_mm))] *= 0.93
    tint = np.array((1.02, 1.0, 0.98), np.float32)
    return np.clip(grey[:, :, None] * tint, 0, 255).astype(np.uint8)
