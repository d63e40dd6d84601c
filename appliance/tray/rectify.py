"""Top views: a located tray warped into its own millimetres, and outlines mapped back into the picture.

Everything here works in the plane of the deck, the flat between the wells. Well floors lie 25 to 28 mm below
it: in a top view they appear shifted towards the point straight below the camera, by depth * tan(view angle),
and a little smaller. Who needs the floor exactly has to allow for that shift; openings and deck are exact.
"""

import cv2
import numpy as np
import numpy.typing as npt

from appliance.picture import Picture
from appliance.tray.layout import Points

Homography = npt.NDArray[np.float64]
"""A 3x3 projective map of points."""

Mask = npt.NDArray[np.bool_]
"""True where a pixel counts, shape (height, width)."""

_ALIASING_STEP_PX = 1.8
"""A warp samples four pixels: from larger steps on it would skip some."""


def project(points: Points, homography: Homography) -> Points:
    """Map points (N, 2) through a homography; returns (N, 2).

    With `Located.picture_from_tray` it takes tray millimetres to source picture pixels.
    """
    flat = np.asarray(points, np.float64).reshape(-1, 2)
    x, y, w = homography[:, :2] @ flat.T + homography[:, 2:]
    return np.stack([x / w, y / w], axis=1)


def rectified_size(tray_mm: tuple[float, float], px_per_mm: float) -> tuple[int, int]:
    """Return the (width, height) in pixels of a tray's top view."""
    return round(tray_mm[0] * px_per_mm), round(tray_mm[1] * px_per_mm)


def rectify(
    picture: Picture, picture_from_tray: Homography, tray_mm: tuple[float, float], px_per_mm: float
) -> tuple[Picture, Mask]:
    """Return the tray's top view and where the picture really shows it.

    The view (H, W, 3), BGR uint8, has tray point (x, y) mm at pixel (x, y) * px_per_mm; outside the picture
    it is black and the mask (H, W) False.
    """
    size = rectified_size(tray_mm, px_per_mm)
    picture_from_view = picture_from_tray @ np.diag([1 / px_per_mm, 1 / px_per_mm, 1.0])
    step = _pixels_per_view_pixel(picture_from_view, size)
    if step > _ALIASING_STEP_PX:
        height, width = picture.shape[:2]
        reduced = max(1, round(width / step)), max(1, round(height / step))
        picture = cv2.resize(picture, reduced, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        picture_from_view = resized(picture_from_view, reduced[0] / width, reduced[1] / height)
    view = cv2.warpPerspective(
        picture, picture_from_view, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    return view.astype(np.uint8, copy=False), _covered(picture.shape[:2], picture_from_view, size)


def resized(picture_from_any: Homography, scale_x: float, scale_y: float) -> Homography:
    """Return the map into the same picture resized by the given factors.

    Pixel centres lie on whole numbers, as OpenCV has it: x becomes (x + 0.5) * scale_x - 0.5.
    """
    scaled = np.array(
        [[scale_x, 0, scale_x / 2 - 0.5], [0, scale_y, scale_y / 2 - 0.5], [0, 0, 1]], np.float64
    )
    return np.asarray(scaled @ picture_from_any, np.float64)


def _pixels_per_view_pixel(picture_from_view: Homography, size: tuple[int, int]) -> float:
    area = abs(float(cv2.contourArea(project(_corners(size), picture_from_view).astype(np.float32))))
    return float(np.sqrt(area / (size[0] * size[1])))


def _covered(shape: tuple[int, ...], picture_from_view: Homography, size: tuple[int, int]) -> Mask:
    at = project(_corners(size), picture_from_view)
    if (at >= 0).all() and (at <= np.array([shape[1] - 1, shape[0] - 1])).all():
        return np.ones((size[1], size[0]), np.bool_)
    white = np.full(shape, 255, np.uint8)
    seen = cv2.warpPerspective(white, picture_from_view, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    return np.asarray(seen > 0)


def _corners(size: tuple[int, int]) -> Points:
    width, height = size[0] - 1, size[1] - 1
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
