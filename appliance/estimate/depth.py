"""Leftovers by depth: how high food stands above the empty tray, summed over each well.

The depth network's map of a tray minus its map of the calibration's empty tray is the height of food, freed
of the errors that both share. Along a ray of the camera the difference is right wherever the tray lies; seen
from another place, walls differ by as much on one side as on the other, so differences are summed with their
signs.
"""

from dataclasses import dataclass
from typing import Final

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
_LEAST_SEEN: Final = 0.2
"""Share of a serving that has to be in sight for the rest to be judged by it."""

_LEAST_ERROR, _MODEL_ERROR, _FULL_ERROR, _HIDDEN_ERROR, _NO_FULL_ERROR = 0.02, 0.3, 0.04, 0.3, 0.35


@dataclass(frozen=True, eq=False)
class DepthReferences:
    """What `prepare` learnt; `served_mm` is the full serving's height, None without a full reference."""

    grid: NetworkGrid
    empty_mm: Maps
    served_mm: Maps | None


def prepare(layout: Layout, empty: Maps, full: Maps | None) -> DepthReferences:
    """Learn from the depth network's maps (H, W) of the calibration's rectified references.

    Raises ValueError where a compartment lies outside the tray.
    """
    grid = network_grid(layout)
    empty_mm = surface_mm(grid.resampled(empty))
    if full is None:
        return DepthReferences(grid, empty_mm, None)
    served = surface_mm(grid.resampled(full)) - empty_mm
    return DepthReferences(grid, empty_mm, served - drift(served, grid.deck)[0])


def estimate(depth: Maps, valid: Mask, references: DepthReferences) -> dict[int, Estimate]:
    """Return the leftover per compartment id from the depth network's map (H, W) of a rectified tray.

    `valid` (H, W) marks the pixels that count: those the picture shows and nothing foreign hides. What is
    hidden is taken to be like the rest of the well.
    """
    grid = references.grid
    food_mm = surface_mm(grid.resampled(depth)) - references.empty_mm
    known = grid.known(valid)
    moved, noise_mm = drift(food_mm, grid.deck & known)
    food_mm = food_mm - moved
    return {
        id_: _judgement(food_mm[well.crop], known[well.crop], well, _served(references, well), noise_mm)
        for id_, well in grid.wells.items()
    }


def surface_mm(depth: Maps) -> Maps:
    """Return the height above the deck in mm from the depth network's values."""
    return (depth - np.float32(DECK)) * np.float32(MM_PER_UNIT)


def _served(references: DepthReferences, well: WellProfile) -> Maps | None:
    return None if references.served_mm is None else references.served_mm[well.crop]


def _judgement(
    food_mm: Maps, known: Mask, well: WellProfile, served_mm: Maps | None, noise_mm: float
) -> Estimate:
    seen = well.opening & known
    hidden = 1.0 - float(np.count_nonzero(seen)) / max(float(np.count_nonzero(well.opening)), 1.0)
    if served_mm is None:
        whole = well.volume_at(_NOMINAL_LEVEL) * 1000.0 / well.mm2_per_px
        in_sight = whole * (1.0 - hidden)
    else:
        whole = float(served_mm[well.opening].sum())
        in_sight = float(served_mm[seen].sum())
    mean_mm = whole / max(float(np.count_nonzero(well.opening)), 1.0)
    unserved = mean_mm < _UNSERVED_MM
    ratio = 0.0 if unserved else float(food_mm[seen].sum()) / max(in_sight, _LEAST_SEEN * whole)
    leftover = _above_floor(min(max(ratio, 0.0), 1.0))
    errors = [
        _LEAST_ERROR + _MODEL_ERROR * leftover * (1.0 - leftover) + _FULL_ERROR * leftover,
        _HIDDEN_ERROR * hidden,
        _NO_FULL_ERROR if served_mm is None else 0.0,
    ]
    flags = {
        "hidden": hidden > _HIDDEN,
        "no_full_reference": served_mm is None,
        "unserved": unserved,
    }
    return Estimate(
        leftover=leftover,
        uncertainty=min(float(np.linalg.norm(errors)), 0.5),
        confidence=(1.0 - hidden) * max(mean_mm, 0.0) / (max(mean_mm, 0.0) + noise_mm + 1e-6),
        flags=tuple(flag for flag, raised in flags.items() if raised),
    )


def _above_floor(ratio: float) -> float:
    """Return 0 up to the floor, the ratio from twice the floor on, and a straight line between."""
    return ratio if ratio >= 2 * _FLOOR else max(2 * (ratio - _FLOOR), 0.0)
