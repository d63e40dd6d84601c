"""Leftovers by segmentation: the volume that fits the food's outline in each well.

A liquid is level, so the area it covers tells where it ends on the tapered wall, and the well's profile what
it fills (`liquid_cm3`). Solids are as high as the surface that their outline spans (`heap`). A film of
residue counts as nothing, and what something foreign hides as unknown.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from appliance.estimate.amount import DishKind
from appliance.estimate.contents import (
    NOTHING,
    Contents,
    FoodKind,
    contents,
    food_share,
    hiding,
    is_served,
    kinds_not_served,
)
from appliance.estimate.depth import surface_mm
from appliance.estimate.estimate import Estimate
from appliance.estimate.heap import NOMINAL_EDGE_MM, heap_volume_cm3, served_edge_mm
from appliance.estimate.network_grid import Maps, NetworkGrid, network_grid
from appliance.estimate.profile import Mask, WellProfile
from appliance.estimate.wall import measured_wall
from appliance.tray.layout import Layout

_NOMINAL_LEVEL: Final = 0.6
"""How full a well counts as served where no full reference was taken."""

_FOOD: Final = 0.5
_FILM_MM: Final = 1.5
"""Depth given to a liquid that does not cover the floor."""

_HIDDEN: Final = 0.02
_ALL_BUT_HIDDEN: Final = 0.1
_FOREIGN_SHARE: Final = 0.02
_UNSERVED_SHARE: Final = 0.05
_LIQUID_SHARE: Final = 0.2
"""A dish of which so much looks liquid is one: what swims in a soup is solid, but solids show no liquid."""

_LEAST_ERROR, _SOLID_ERROR, _LIQUID_ERROR, _FULL_ERROR = 0.02, 0.85, 0.4, 0.28
_HIDDEN_ERROR, _NO_FULL_ERROR = 0.2, 0.35
"""Standard deviations of a reading: the least; times p (1 - p); of a full well; of a half hidden one; of
not knowing a full serving."""


@dataclass(frozen=True)
class WellContents:
    """What is left in one compartment, and what it is; `kind` is that of the dish served there.

    `mixed` are the kinds of food in it that were served elsewhere.
    """

    estimate: Estimate
    contents: Contents
    kind: DishKind
    mixed: tuple[FoodKind, ...] = ()


@dataclass(frozen=True, eq=False)
class Dish:
    """What the full reference shows of one compartment; without one, `served` holds shares of 0.

    `edge_mm` is how high this dish stands where no wall holds it, `full_mask` what its full serving covers.
    """

    well: WellProfile
    kind: DishKind
    served: Contents
    edge_mm: float
    full_mask: Mask


@dataclass(frozen=True, eq=False)
class SegmentationReferences:
    """What `prepare` learnt; `served` tells whether a full reference was among it."""

    grid: NetworkGrid
    dishes: dict[int, Dish]
    served: bool


def prepare(layout: Layout, full: Maps | None, empty_depth: Maps | None = None) -> SegmentationReferences:
    """Learn from the class probabilities (7, H, W) of the calibration's rectified full reference.

    `empty_depth` (H, W) is the depth network's map of its empty one: with it the walls' curve is known, else
    they count as straight. Raises ValueError where a compartment lies outside the tray.
    """
    grid = network_grid(layout)
    wells = grid.wells
    if empty_depth is not None:
        empty_mm = surface_mm(grid.resampled(empty_depth))
        wells = {id_: measured_wall(well, empty_mm[well.crop]) for id_, well in wells.items()}
    if full is None:
        dishes = {
            id_: Dish(well, "solid", NOTHING, NOMINAL_EDGE_MM, well.opening) for id_, well in wells.items()
        }
    else:
        on_grid = _resampled(full, grid)
        dishes = {id_: _served_dish(_cropped(on_grid, well), well) for id_, well in wells.items()}
    return SegmentationReferences(grid, dishes, full is not None)


def served_kinds(references: SegmentationReferences) -> dict[int, DishKind]:
    """Return the kind of every dish that the full reference shows, by compartment id."""
    if not references.served:
        return {}
    return {id_: dish.kind for id_, dish in references.dishes.items() if dish.kind != "unserved"}


def estimate(probabilities: Maps, valid: Mask, references: SegmentationReferences) -> dict[int, WellContents]:
    """Return leftover and contents per compartment id from class probabilities of a rectified tray.

    `probabilities` (7, H, W), float32, sum to 1 over the classes; `valid` (H, W) marks the pixels that the
    picture really shows.
    """
    grid = references.grid
    shown, seen = grid.known(valid), grid.known(valid & ~hiding(probabilities))
    on_grid = _resampled(probabilities, grid)
    return {
        id_: _judgement(
            _cropped(on_grid, dish.well),
            dish.well.opening & shown[dish.well.crop],
            dish.well.opening & seen[dish.well.crop],
            dish,
            served=references.served,
        )
        for id_, dish in references.dishes.items()
    }


def served_with(kinds: tuple[FoodKind, ...], references: SegmentationReferences) -> tuple[int, ...]:
    """Return the ids of the compartments in which one of these kinds of food was served."""
    return tuple(
        id_ for id_, dish in references.dishes.items() if any(is_served(kind, dish.served) for kind in kinds)
    )


def liquid_cm3(food: Mask, known: Mask, well: WellProfile) -> float:
    """Return the volume of a liquid that covers `food` of a well, as far as its pixels are `known`.

    It is level, so it covers the lowest pixels, wherever it is seen to lie and whatever swims in it: its
    level is that below which lie as many known pixels as it covers.
    """
    levels = np.sort(well.level[known])
    covered = int(np.count_nonzero(food & known))
    if covered == 0:
        return 0.0
    share = covered / len(levels)
    film_cm3 = _FILM_MM * share * well.opening_mm2 / 1000.0
    return max(well.volume_at(float(levels[covered - 1])), film_cm3)


def _resampled(probabilities: Maps, grid: NetworkGrid) -> Maps:
    return np.stack([grid.resampled(channel) for channel in probabilities])


def _cropped(on_grid: Maps, well: WellProfile) -> Maps:
    return np.ascontiguousarray(on_grid[(..., *well.crop)])


def _served_dish(probabilities: Maps, well: WellProfile) -> Dish:
    served = contents(probabilities, well.opening)
    kind: DishKind = "liquid" if served.liquid > _LIQUID_SHARE * served.food else "solid"
    if served.food < _UNSERVED_SHARE:
        kind = "unserved"
    mask = _food(probabilities, well)
    return Dish(well, kind, served, served_edge_mm(mask, well), mask)


def _food(probabilities: Maps, well: WellProfile) -> Mask:
    return np.asarray((food_share(probabilities) > _FOOD) & well.opening, np.bool_)


def _judgement(probabilities: Maps, shown: Mask, seen: Mask, dish: Dish, *, served: bool) -> WellContents:
    well = dish.well
    opening = max(float(np.count_nonzero(well.opening)), 1.0)
    hidden, cut = 1.0 - np.count_nonzero(seen) / opening, 1.0 - np.count_nonzero(shown) / opening
    found = contents(probabilities, shown)
    mixed = kinds_not_served(probabilities, seen, dish.served) if served else ()
    leftover = _leftover(_food(probabilities, well) & seen, seen, dish, served=served)
    errors = [
        _LEAST_ERROR,
        (_LIQUID_ERROR if dish.kind == "liquid" else _SOLID_ERROR) * leftover * (1.0 - leftover),
        _FULL_ERROR * leftover,
        _HIDDEN_ERROR * hidden / max(1.0 - hidden, _ALL_BUT_HIDDEN),
        0.0 if served else _NO_FULL_ERROR,
    ]
    flags = {
        "cut": cut > _HIDDEN,
        "foreign": found.foreign > _FOREIGN_SHARE,
        "mixed": bool(mixed),
        "no_full_reference": not served,
        "unserved": dish.kind == "unserved",
    }
    judged = Estimate(
        leftover=leftover,
        uncertainty=min(float(np.linalg.norm(errors)), 0.5),
        confidence=min(float(probabilities.max(axis=0)[shown].mean()), 1.0) if shown.any() else 0.0,
        flags=tuple(flag for flag, raised in flags.items() if raised),
    )
    return WellContents(judged, found, dish.kind, mixed)


def _leftover(food: Mask, seen: Mask, dish: Dish, *, served: bool) -> float:
    """Return volume over full volume, both of the pixels in sight: what is hidden is taken to be the same."""
    if dish.kind == "unserved" or not seen.any():
        return 0.0
    well = dish.well
    if dish.kind == "liquid":
        left, full = liquid_cm3(food, seen, well), liquid_cm3(dish.full_mask, well.opening, well)
    else:
        left = heap_volume_cm3(food, well, dish.edge_mm)
        full = heap_volume_cm3(dish.full_mask & seen, well, dish.edge_mm)
        if not served:
            full = well.volume_at(_NOMINAL_LEVEL) * np.count_nonzero(seen) / np.count_nonzero(well.opening)
    return min(float(left) / max(float(full), 1e-6), 1.0)
