"""Edges that the background does not have, and the directions in which they run."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]
"""A scalar per pixel, float32, shape (height, width)."""

_BIN_DEG = 2.0
_BINS = round(90 / _BIN_DEG)


@dataclass(frozen=True, eq=False)
class Edges:
    """Edges of a picture: `strength`, 1 for a full edge, and the unit gradient (`across_x`, `across_y`)."""

    strength: Plane
    across_x: Plane
    across_y: Plane


def gradient(picture: npt.NDArray[np.float32]) -> tuple[Plane, Plane, Plane]:
    """Return x and y gradient and their length, in grey levels per pixel, of the channel that changes most.

    `picture` is float32, shape (height, width, 3).
    """
    x = np.asarray(cv2.Sobel(picture, cv2.CV_32F, 1, 0, scale=0.125), np.float32)
    y = np.asarray(cv2.Sobel(picture, cv2.CV_32F, 0, 1, scale=0.125), np.float32)
    length = np.asarray(cv2.magnitude(x, y), np.float32)
    best_x, best_y, best = x[:, :, 0].copy(), y[:, :, 0].copy(), length[:, :, 0].copy()
    for channel in (1, 2):
        larger = length[:, :, channel] > best
        for plane, source in ((best_x, x), (best_y, y), (best, length)):
            np.copyto(plane, source[:, :, channel], where=larger)
    return best_x, best_y, best


def new_edges(now: npt.NDArray[np.float32], background_length: Plane, contrast: float) -> Edges:
    """Return the edges of `now` beyond those of the background.

    `background_length` is the length of the background's gradient, 0 where it is unknown. A step of
    `contrast` grey levels has strength 1. What merely uncovers the background has no edges of its own, so
    that a tray taken away leaves none behind.
    """
    x, y, length = gradient(now)
    around = np.asarray(cv2.dilate(background_length, np.ones((3, 3), np.uint8)), np.float32)
    # A step of one grey level between two pixels gives a central difference of half a level.
    beyond = (length - np.float32(1.2) * around) / np.float32(0.5 * contrast)
    strength = np.maximum((beyond - np.float32(0.25)) / np.float32(0.75), np.float32(0))
    safe = np.maximum(length, np.float32(1e-3))
    return Edges(strength, np.asarray(x / safe, np.float32), np.asarray(y / safe, np.float32))


def directions_deg(edges: Edges, most: int = 4) -> list[float]:
    """Return the main directions of the edges, modulo 90 degrees, the strongest first.

    Directions are those of the gradient, from x towards y (clockwise as seen), in [0, 90).
    """
    chosen = edges.strength > 0.3
    angle = np.degrees(np.arctan2(edges.across_y[chosen], edges.across_x[chosen])) % 90
    weights = np.minimum(edges.strength[chosen], 1)
    votes = np.bincount((angle / _BIN_DEG).astype(int) % _BINS, weights, _BINS).astype(np.float64)
    smooth = votes + 0.6 * (np.roll(votes, 1) + np.roll(votes, -1))
    peaks = (smooth >= np.roll(smooth, 1)) & (smooth > np.roll(smooth, -1))
    order = [int(i) for i in np.argsort(-smooth) if peaks[i] and smooth[i] > 0.3 * smooth.max()]
    return [_refined(votes, i) for i in order[:most]]


def _refined(votes: npt.NDArray[np.float64], peak: int) -> float:
    """Return the centroid of a peak and its neighbours, in degrees."""
    offsets = np.arange(-2, 3)
    near = votes[(peak + offsets) % _BINS]
    return float((peak + 0.5 + (near * offsets).sum() / max(near.sum(), 1e-9)) * _BIN_DEG % 90)
