"""Empty trays drawn from shapes: light and shade enough to look like steel or plastic, exact geometry."""

from dataclasses import dataclass

import cv2
import numpy as np

from appliance.picture import Picture
from appliance.tray.curves import rounded_rectangle
from appliance.tray.layout import Points
from appliance.tray.rectify import Homography, project

PX_PER_MM = 2.0
TRAY_MM = (375.0, 290.0)


@dataclass(frozen=True)
class DrawnTray:
    name: str
    wells: tuple[tuple[float, float, float, float, float], ...]
    """x0, y0, x1, y1, corner radius, all mm; rows from the top, each from the left."""
    bgr: tuple[int, int, int]
    belt_bgr: tuple[int, int, int]
    tray_mm: tuple[float, float] = TRAY_MM

    def openings(self) -> list[Points]:
        return [rounded_rectangle(*well, per_corner=40) for well in self.wells]


STEEL_FIVE = DrawnTray(
    "five wells, steel",
    (
        (18, 18, 124, 124, 34),
        (134, 18, 241, 124, 34),
        (251, 18, 357, 124, 34),
        (18, 136, 182, 272, 34),
        (193, 136, 357, 272, 34),
    ),
    (178, 180, 176),
    (60, 58, 56),
)
PLASTIC_THREE = DrawnTray(
    "three wells, blue plastic",
    ((18, 18, 182, 124, 25), (192, 18, 357, 124, 25), (18, 136, 357, 272, 30)),
    (190, 140, 70),
    (150, 190, 205),
)
ROUND_FOUR = DrawnTray(
    "four wells, two of them round, pink plastic",
    ((20, 18, 180, 124, 28), (20, 134, 180, 272, 28), (210, 12, 340, 142, 65), (210, 150, 340, 280, 65)),
    (170, 150, 225),
    (70, 90, 60),
)
SEVEN = DrawnTray(
    "seven wells, white plastic",
    (
        (16, 16, 98, 92, 22),
        (106, 16, 188, 92, 22),
        (196, 16, 278, 92, 22),
        (286, 16, 359, 92, 22),
        (16, 102, 182, 274, 28),
        (192, 102, 359, 184, 22),
        (192, 194, 359, 274, 22),
    ),
    (196, 205, 200),
    (120, 95, 60),
)
SIX = DrawnTray(
    "six wells, steel",
    (
        (16, 16, 92, 120, 30),
        (102, 16, 178, 120, 30),
        (188, 16, 264, 120, 30),
        (274, 16, 359, 120, 30),
        (16, 132, 182, 274, 40),
        (193, 132, 359, 274, 40),
    ),
    (178, 180, 176),
    (160, 165, 170),
)
KINDS = (STEEL_FIVE, PLASTIC_THREE, ROUND_FOUR, SEVEN)


def top_view(tray: DrawnTray, *, seed: int = 0) -> tuple[Picture, np.typing.NDArray[np.uint8]]:
    """Return the tray from above, (H, W, 3), and its silhouette."""
    rng = np.random.default_rng(seed)
    width, height = (round(side * PX_PER_MM) for side in tray.tray_mm)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    light = 0.9 + 0.15 * x / width - 0.1 * y / height
    height_mm = np.zeros((height, width), np.float32)
    silhouette = np.zeros((height, width), np.uint8)
    rim = rounded_rectangle(0, 0, *tray.tray_mm, 38, per_corner=40)
    cv2.fillPoly(silhouette, [np.round(rim * PX_PER_MM).astype(np.int32)], 255)
    silhouette[[0, -1]] = 0
    silhouette[:, [0, -1]] = 0
    edge = cv2.distanceTransform(silhouette, cv2.DIST_L2, 5) / PX_PER_MM
    height_mm += np.where(edge < 6, 3 * np.sin(np.pi * np.clip(edge / 6, 0, 1)), 0)
    for opening in tray.openings():
        inside = np.zeros((height, width), np.uint8)
        cv2.fillPoly(inside, [np.round(opening * PX_PER_MM).astype(np.int32)], 255)
        depth = cv2.distanceTransform(inside, cv2.DIST_L2, 5) / PX_PER_MM
        height_mm -= np.clip(1.4 * depth, 0, 25)
    slope_x, slope_y = cv2.Sobel(height_mm, cv2.CV_32F, 1, 0), cv2.Sobel(height_mm, cv2.CV_32F, 0, 1)
    shade = light + 0.05 * slope_x + 0.07 * slope_y - 0.025 * np.hypot(slope_x, slope_y) + 0.004 * height_mm
    picture = shade[..., None] * np.array(tray.bgr, np.float32)
    picture += rng.normal(0, 2.5, picture.shape)
    return np.clip(cv2.GaussianBlur(picture, (0, 0), 0.9), 0, 255).astype(np.uint8), silhouette


def photograph(
    tray: DrawnTray,
    angle_deg: float = 0.0,
    *,
    size: tuple[int, int] = (960, 720),
    tilt: float = 0.0,
    shift_px: tuple[float, float] = (0.0, 0.0),
    px_per_mm: float = 1.4,
    seed: int = 0,
) -> tuple[Picture, Homography]:
    """Return a picture of the tray on a belt, and the map from tray millimetres to it."""
    view, silhouette = top_view(tray, seed=seed)
    turn = np.radians(angle_deg)
    cos, sin = np.cos(turn) * px_per_mm, np.sin(turn) * px_per_mm
    to_centre = np.array([[1, 0, -tray.tray_mm[0] / 2], [0, 1, -tray.tray_mm[1] / 2], [0, 0, 1]])
    turned = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    tilted = np.array([[1, 0, 0], [0, 1, 0], [tilt / 1000, tilt / 1400, 1]])
    placed = np.array([[1, 0, size[0] / 2 + shift_px[0]], [0, 1, size[1] / 2 + shift_px[1]], [0, 0, 1]])
    picture_from_tray = placed @ tilted @ turned @ to_centre
    picture_from_view = picture_from_tray @ np.diag([1 / PX_PER_MM, 1 / PX_PER_MM, 1])
    warped = cv2.warpPerspective(view, picture_from_view, size, flags=cv2.INTER_AREA)
    alpha = cv2.warpPerspective(silhouette, picture_from_view, size)[..., None] / np.float32(255)
    rng = np.random.default_rng(seed + 1)
    belt = np.array(tray.belt_bgr, np.float32) + rng.normal(0, 3, (size[1], size[0], 1))
    return np.clip(warped * alpha + belt * (1 - alpha), 0, 255).astype(np.uint8), picture_from_tray


def intersection_over_union(one: Points, other: Points) -> float:
    """Return it for two polygons in any common unit, 0..1."""
    low = np.minimum(one.min(axis=0), other.min(axis=0))
    masks = []
    for points in (one, other):
        mask = np.zeros((900, 900), np.uint8)
        scale = 880 / (np.maximum(one.max(axis=0), other.max(axis=0)) - low).max()
        cv2.fillPoly(mask, [np.round((points - low) * scale).astype(np.int32)], 1)
        masks.append(mask)
    return float((masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum())


def reprojection_error_px(tray: DrawnTray, found: Homography, true: Homography) -> float:
    """Return the mean distance between where openings are put and where they are, if the frames agree."""
    points = np.concatenate(tray.openings())
    return float(np.hypot(*(project(points, found) - project(points, true)).T).mean())
