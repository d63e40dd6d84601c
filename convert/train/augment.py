"""What differs from canteen to canteen beyond the synthetic pictures: the located corners, and the camera."""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from convert.train.rectify import UNSEEN, Rectified, corners_px, px_per_tray, warp

_JITTER_MM: Final = 1.2
"""Standard deviation of each corner, per axis; about what locating a tray errs by."""

_FURTHEST: Final = 2.5
"""In standard deviations; keeps moved corners within a view's margin."""

_MIRRORED: Final = (1, 0, 3, 2)
_TURNED: Final = (2, 3, 0, 1)


def placed(
    view: Rectified,
    side: int,
    rng: np.random.Generator | None,
    way: np.random.Generator | None = None,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Return picture, classes and surface in mm of the tray alone, `side` pixels square.

    With `rng`, the corners are moved a little, and the tray is mirrored and turned by half a turn at random
    (its wells then lie as in another type of tray); by `way` instead where that is given, so that several
    pictures of one type of tray stay so.
    """
    corners = corners_px()
    if rng is not None:
        noise = rng.standard_normal((4, 2)).clip(-_FURTHEST, _FURTHEST) * _JITTER_MM
        corners += (noise * px_per_tray() / np.array(view.size_mm)).astype(np.float32)
        for turn in (_MIRRORED, _TURNED):
            if (way or rng).random() < 0.5:
                corners = corners[list(turn)]
    edge = side - 0.5
    wanted = np.array([[-0.5, -0.5], [edge, -0.5], [edge, edge], [-0.5, edge]], np.float32)
    view_from_network = cv2.getPerspectiveTransform(wanted, corners).astype(np.float64)
    return (
        warp(view.picture, view_from_network, side, cv2.INTER_LINEAR, 0),
        warp(view.classes, view_from_network, side, cv2.INTER_NEAREST, UNSEEN),
        warp(view.surface_mm, view_from_network, side, cv2.INTER_LINEAR, 0),
    )


def photographed(picture: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Return an RGB picture (H, W, 3) as another camera might have taken it.

    In turn: how colourful it is, how evenly lit, colour temperature and tint, exposure, gamma; then, each at
    random, blur, noise and JPEG.
    """
    light = picture.astype(np.float32)
    grey = light.mean(axis=-1, keepdims=True)
    light = grey + (light - grey) * np.float32(np.exp(rng.normal(0, 0.20)))
    warmth, tint = rng.normal(0, 0.10), rng.normal(0, 0.03)
    gains = np.exp([warmth, tint, -warmth]) * np.exp(rng.normal(0, 0.20))
    light *= gains.astype(np.float32) * _unevenness(picture.shape[0], picture.shape[1], rng)
    curve = np.rint(np.linspace(0, 1, 256) ** np.exp(rng.normal(0, 0.15)) * 255).astype(np.uint8)
    changed = np.asarray(cv2.LUT(np.clip(np.rint(light), 0, 255).astype(np.uint8), curve), np.uint8)
    if rng.random() < 0.3:
        changed = cv2.GaussianBlur(changed, (0, 0), rng.uniform(0.4, 1.4)).astype(np.uint8)
    if rng.random() < 0.5:
        noise = rng.standard_normal(changed.shape, np.float32) * rng.uniform(1, 8)
        changed = np.clip(np.rint(changed + noise), 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        quality = int(rng.integers(45, 96))
        _, stored = cv2.imencode(".jpg", changed[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        changed = np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR), np.uint8)[:, :, ::-1]
    return changed


def _unevenness(rows: int, columns: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return gains (H, W, 1) around 1 of lamps and shadows that are wider than a well."""
    coarse = np.exp(rng.normal(0, 0.12, (3, 3))).astype(np.float32)
    smooth = cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC)
    return np.asarray(smooth, np.float32)[:, :, None]
