"""The shape of a well seen from above: how high its wall is under every pixel, and what it holds.

A well is a truncated, rounded pyramid: a flat floor, the deck, and a straight wall between them. Its relative
height ("level") is 0 on the floor and 1 at the deck; on the wall it is the share of the way from the floor's
outline to the opening's. A level liquid at height h then covers exactly the pixels whose level is below h, so
the area it shows and the volume it fills follow from one array.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from appliance.tray.layout import Compartment, Points

Mask = npt.NDArray[np.bool_]
Levels = npt.NDArray[np.float32]
Steps = npt.NDArray[np.float64]

_STEPS = 101


@dataclass(frozen=True, eq=False)
class WellProfile:
    """One well on the grid of the rectified picture, cropped to its bounding box.

    `rows` and `columns` are the crop in the rectified picture; `opening` and `floor` are masks of the crop,
    `level` 0..1 the height of the well's surface relative to its depth (1 outside the opening).
    `volumes_cm3` tabulates what the well holds up to `levels` (ascending 0..1).
    """

    rows: slice
    columns: slice
    opening: Mask
    floor: Mask
    level: Levels
    depth_mm: float
    px_per_mm: float
    levels: Steps
    volumes_cm3: Steps

    @property
    def crop(self) -> tuple[slice, slice]:
        """Return the index of the crop in an array of the rectified picture's shape."""
        return self.rows, self.columns

    @property
    def capacity_cm3(self) -> float:
        """Return what the well holds up to the deck."""
        return float(self.volumes_cm3[-1])

    @property
    def opening_mm2(self) -> float:
        """Return the area of the opening."""
        return float(np.count_nonzero(self.opening)) * self.mm2_per_px

    @property
    def mm2_per_px(self) -> float:
        """Return the area of one pixel in square millimetres."""
        return 1.0 / self.px_per_mm**2

    def volume_at(self, level: float) -> float:
        """Return the volume in cubic centimetres that the well holds up to a level 0..1."""
        return float(np.interp(level, self.levels, self.volumes_cm3))


def _polygon_mask(points_px: Points, shape: tuple[int, int]) -> Mask:
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.round(points_px * 16).astype(np.int32)], (1,), shift=4)
    return mask.astype(np.bool_)


def well_profile(compartment: Compartment, px_per_mm: float, shape: tuple[int, int]) -> WellProfile:
    """Return the profile of a compartment on a rectified picture of `shape` (rows, columns) pixels.

    Raises ValueError where the opening lies outside the picture.
    """
    outline, floor_outline = compartment.outline_mm * px_per_mm, compartment.floor_mm * px_per_mm
    low = np.maximum(np.floor(outline.min(axis=0)).astype(int) - 1, 0)
    high = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + 2, shape[::-1])
    if np.any(high - low < 3):
        raise ValueError(f"compartment {compartment.id} lies outside the rectified picture")
    size = (int(high[1] - low[1]), int(high[0] - low[0]))
    opening = _polygon_mask(outline - low, size)
    floor = _polygon_mask(floor_outline - low, size) & opening
    if not floor.any():
        # A wedge-shaped well without a flat floor: its deepest line is the middle.
        distance = cv2.distanceTransform(opening.astype(np.uint8), cv2.DIST_L2, 5)
        floor = distance >= distance.max() - 0.5
    to_floor = cv2.distanceTransform((~floor).astype(np.uint8), cv2.DIST_L2, 5)
    to_deck = cv2.distanceTransform(opening.astype(np.uint8), cv2.DIST_L2, 5)
    level = (to_floor / np.maximum(to_floor + to_deck, 1e-6)).astype(np.float32)
    level[~opening] = 1.0
    levels, sums_mm = _fillings(level[opening], compartment.depth_mm)
    return WellProfile(
        rows=slice(int(low[1]), int(high[1])),
        columns=slice(int(low[0]), int(high[0])),
        opening=opening,
        floor=floor,
        level=level,
        depth_mm=compartment.depth_mm,
        px_per_mm=px_per_mm,
        levels=levels,
        volumes_cm3=sums_mm / (1000.0 * px_per_mm**2),
    )


def with_curved_wall(well: WellProfile, straight: Steps, curved: Steps) -> WellProfile:
    """Return a well whose wall has the levels `curved` where a straight one has `straight`.

    Both are (N,), ascending from 0 to 1.
    """
    level = np.interp(well.level, straight, curved).astype(np.float32)
    levels, sums_mm = _fillings(level[well.opening], well.depth_mm)
    return replace(well, level=level, levels=levels, volumes_cm3=sums_mm * well.mm2_per_px / 1000.0)


def _fillings(inside: Levels, depth_mm: float) -> tuple[Steps, Steps]:
    """Return levels and, for each, the sum over pixels of how deep a liquid up to it stands there in mm."""
    levels = np.linspace(0.0, 1.0, _STEPS)
    ascending = np.sort(inside.astype(np.float64))
    counts = np.searchsorted(ascending, levels, side="right")
    sums = np.concatenate([[0.0], np.cumsum(ascending)])[counts]
    return levels, (levels * counts - sums) * depth_mm
