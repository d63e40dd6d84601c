"""From the odds of food per pixel of a well to the volume that is left in it."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from appliance.estimate.appearance import Floats
from appliance.estimate.heap import heap_volume_cm3
from appliance.estimate.profile import Mask, WellProfile
from appliance.estimate.waterline import WallMap, below_waterline, fit_waterline

DishKind = Literal["solid", "liquid", "unserved"]

UNDECIDED_ODDS = 1.0
"""Log odds closer to 0 than this are a guess."""

_CLEANING_MM = 3.0
_SMALLEST_MM2 = 40.0
"""Less food than this in one piece is a grain or two stuck to the steel, and a gap of less is a shadow."""

_EDGE_SPREAD = (0.4, 1.6)
_GUESSED_SHARE = 0.1

_FILM_MM = 1.0
"""Depth given to a liquid that does not stand on the wall."""


@dataclass(frozen=True, eq=False)
class Amount:
    """A volume, its standard error as far as the picture tells, and the pixels that it was read from."""

    volume_cm3: float
    error_cm3: float
    mask: Mask


def pieces(odds: Floats, profile: WellProfile) -> Mask:
    """Return what is food by its odds, cleaned of single grains and small gaps."""
    side = 2 * round(_CLEANING_MM * profile.px_per_mm / 2) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    food = ((odds > 0) & profile.opening).astype(np.uint8)
    cleaned = cv2.morphologyEx(cv2.morphologyEx(food, cv2.MORPH_CLOSE, kernel), cv2.MORPH_OPEN, kernel)
    large = _without_specks(cleaned > 0, profile)
    return ~_without_specks(~large, profile) & profile.opening


def _without_specks(mask: Mask, profile: WellProfile) -> Mask:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    large = np.asarray(stats, np.float64)[:, cv2.CC_STAT_AREA] * profile.mm2_per_px > _SMALLEST_MM2
    large[0] = False
    return np.asarray(large[labels], np.bool_)


def solid_amount(odds: Floats, known: Mask, profile: WellProfile, edge_mm: float) -> Amount:
    """Return the amount of solid food; `known` marks the pixels that count.

    Its error joins what the odds leave open to how high the food may stand at its edges.
    """
    mask = pieces(odds, profile) & known
    volume = heap_volume_cm3(mask, profile, edge_mm)
    low, high = (heap_volume_cm3(mask, profile, share * edge_mm) for share in _EDGE_SPREAD)
    guessed_mm2 = float(np.count_nonzero((np.abs(odds) < UNDECIDED_ODDS) & known)) * profile.mm2_per_px
    mean_depth_mm = profile.capacity_cm3 * 1000.0 / max(profile.opening_mm2, 1e-9)
    guessed_cm3 = _GUESSED_SHARE * guessed_mm2 * mean_depth_mm / 1000.0
    return Amount(volume, float(np.hypot((high - low) / 2.0, guessed_cm3)), mask)


def liquid_amount(odds: Floats, known: Mask, profile: WellProfile, wall: WallMap) -> Amount:
    """Return the amount of a liquid, by its waterline, or a film where it does not stand on the wall."""
    line = fit_waterline(odds, known, wall)
    puddle = pieces(odds, profile) & known
    film_cm3 = _FILM_MM * float(np.count_nonzero(puddle)) * profile.mm2_per_px / 1000.0
    standing_cm3 = profile.volume_at(line.level)
    if standing_cm3 <= film_cm3:
        return Amount(film_cm3, film_cm3, puddle)
    error_cm3 = profile.volume_at(min(line.level + line.error, 1.0)) - standing_cm3
    return Amount(standing_cm3, error_cm3, below_waterline(line, wall, profile))
