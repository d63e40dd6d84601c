"""Leftovers by depth: how high food stands above the empty tray, summed over each well.

The depth network's map of a tray minus its map of the calibration's empty tray is the height of food, freed
of the errors that both share. Along a ray of the camera the difference is right wherever the tray lies; seen
from another place, walls differ by as much on one side as on the other, so differences are summed with their
signs.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from appliance.estimate.drift import drift
from appliance.estimate.estimate import Estimate
from appliance.estimate.network_grid import Maps, NetworkGrid, network_grid
from appliance.estimate.profile import Mask, WellProfile
from appliance.tray.layout import Layout

DECK: Final = 1.0
MM_PER_UNIT: Final = 50.0
"""A depth map is `DECK` + height above the deck in mm / `MM_PER_UNIT`, as the network was trained."""

_NOMINAL_LEVEL: Final = 0.6
"""How full a well counts as served where no full reference was taken."""

_UNSERVED_MM: Final = 1.0
"""Where the full reference stands no higher on average, no dish was served."""

_FLOOR: Final = 0.02
"""Readings up to this are the network's noise and films without height."""

_HIDDEN: Final = 0.02
_ALL_BUT_HIDDEN: Final = 0.1
_LIKE_WITHIN_MM: Final = 12.5
"""What is hidden has about the share left that is seen within this distance of it."""

_LEAST_SERVED: Final = 0.2
"""A full serving counts as at least this much of its well: of a dish that the network hardly sees, the
reference is too low rather than the dish."""

_LEAST_ERROR, _MODEL_ERROR, _EMPTY_ERROR_MM, _FULL_ERROR_MM = 0.02, 0.85, 0.1, 1.5
_HIDDEN_ERROR, _NO_FULL_ERROR, _MOST_ERROR = 0.25, 0.35, 0.5
"""Standard deviations of a reading: the least; times p (1 - p); of the mean height in an empty well, and the
more of it in a full one; of a half hidden well; of not knowing a full serving."""


@dataclass(frozen=True, eq=False)
class DepthReferences:
    """What `prepare` learnt; `served_mm` is the full serving's height, None without a full reference.

    `told` says whether it counts only where segmentation saw food.
    """

    grid: NetworkGrid
    empty_mm: Maps
    served_mm: Maps | None
    told: bool


def prepare(layout: Layout, empty: Maps, full: Maps | None, full_food: Maps | None = None) -> DepthReferences:
    """Learn from the depth network's maps (H, W) of the calibration's rectified references.

    `full_food` (H, W) is the share of food 0..1 per pixel of the full one (`contents.food_share`), for
    estimates that are told it, too. Raises ValueError where a compartment lies outside the tray.
    """
    grid = network_grid(layout)
    empty_mm = surface_mm(grid.resampled(empty))
    told = full_food is not None
    if full is None:
        return DepthReferences(grid, empty_mm, None, told)
    served_mm = surface_mm(grid.resampled(full)) - empty_mm
    served_mm -= drift(served_mm, grid.deck)[0]
    return DepthReferences(grid, empty_mm, _of_food(served_mm, full_food, grid), told)


def estimate(
    depth: Maps, valid: Mask, references: DepthReferences, food: Maps | None = None
) -> dict[int, Estimate]:
    """Return the leftover per compartment id from the depth network's map (H, W) of a rectified tray.

    `valid` (H, W) marks the pixels that count: those the picture shows and nothing foreign hides. What is
    hidden is taken to be like what is seen beside it. With the share of `food` (H, W) per pixel, heights
    count only where food is; raises ValueError where that was told of the full reference but not here, or
    the other way round.
    """
    grid, served_mm = references.grid, references.served_mm
    if served_mm is not None and references.told != (food is not None):
        raise ValueError("the share of food is told of both the full reference and the tray, or of neither")
    food_mm = surface_mm(grid.resampled(depth)) - references.empty_mm
    known = grid.known(valid)
    moved, noise_mm = drift(food_mm, grid.deck & known)
    food_mm = _of_food(food_mm - moved, food, grid)
    return {
        id_: _judgement(
            food_mm[well.crop],
            known[well.crop],
            well,
            _served(references, well),
            noise_mm,
            guessed=served_mm is None,
        )
        for id_, well in grid.wells.items()
    }


def surface_mm(depth: Maps) -> Maps:
    """Return the height above the deck in mm from the depth network's values."""
    return (depth - np.float32(DECK)) * np.float32(MM_PER_UNIT)


def _of_food(height_mm: Maps, food: Maps | None, grid: NetworkGrid) -> Maps:
    """Return heights weighted by the share of food; without it, as they are, with their signs."""
    return height_mm if food is None else np.maximum(height_mm, 0) * grid.resampled(food)


def _served(references: DepthReferences, well: WellProfile) -> Maps:
    if references.served_mm is not None:
        return references.served_mm[well.crop]
    mean_mm = well.volume_at(_NOMINAL_LEVEL) * 1000.0 / max(well.opening_mm2, 1e-9)
    return np.full(well.opening.shape, mean_mm, np.float32)


def _judgement(
    food_mm: Maps, known: Mask, well: WellProfile, served_mm: Maps, noise_mm: float, *, guessed: bool
) -> Estimate:
    seen = well.opening & known
    opening = max(float(np.count_nonzero(well.opening)), 1.0)
    hidden = 1.0 - float(np.count_nonzero(seen)) / opening
    if hidden > 0:
        food_mm = _completed(food_mm, served_mm, seen, well.px_per_mm)
    mean_mm = float(served_mm[well.opening].sum()) / opening
    unserved = mean_mm < _UNSERVED_MM
    whole_mm = max(mean_mm, _LEAST_SERVED * well.capacity_cm3 * 1000.0 / max(well.opening_mm2, 1e-9))
    ratio = 0.0 if unserved else float(food_mm[well.opening].sum()) / opening / whole_mm
    leftover = _above_floor(min(max(ratio, 0.0), 1.0))
    errors = [
        _LEAST_ERROR,
        _MODEL_ERROR * leftover * (1.0 - leftover),
        (_EMPTY_ERROR_MM + _FULL_ERROR_MM * leftover) / max(mean_mm, _UNSERVED_MM),
        _HIDDEN_ERROR * hidden / max(1.0 - hidden, _ALL_BUT_HIDDEN),
        _NO_FULL_ERROR if guessed else 0.0,
        _MOST_ERROR if unserved else 0.0,
    ]
    flags = {"hidden": hidden > _HIDDEN, "no_full_reference": guessed, "unserved": unserved}
    return Estimate(
        leftover=leftover,
        uncertainty=min(float(np.linalg.norm(errors)), _MOST_ERROR),
        confidence=(1.0 - hidden) * max(mean_mm, 0.0) / (max(mean_mm, 0.0) + noise_mm + 1e-6),
        flags=tuple(flag for flag, raised in flags.items() if raised),
    )


def _completed(food_mm: Maps, served_mm: Maps, seen: Mask, px_per_mm: float) -> Maps:
    """Return the heights with those out of sight guessed: what was served there times the share left nearby.

    That share is a ratio of two Gaussian means of what is in sight.
    """
    spread = _LIKE_WITHIN_MM * px_per_mm
    weight = seen.astype(np.float32)
    left = cv2.GaussianBlur(food_mm * weight, (0, 0), spread)
    served = cv2.GaussianBlur(np.maximum(served_mm, 0) * weight, (0, 0), spread)
    share = np.clip(left / np.maximum(served, np.float32(1e-3)), 0.0, 1.5)
    return np.where(seen, food_mm, share * served_mm).astype(np.float32)


def _above_floor(ratio: float) -> float:
    """Return 0 up to the floor, the ratio from twice the floor on, and a straight line between."""
    return ratio if ratio >= 2 * _FLOOR else max(2 * (ratio - _FLOOR), 0.0)
