"""Leftovers by segmentation: what lies in each well, and what volume that fills.

The classes' probabilities say what is food far better than colour does. From the odds of food follows a
volume as in back projection: a liquid by the level of its waterline, solids by the surface that their outline
on the tapered wall spans. A film of residue counts as nothing, what something foreign hides as unknown.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from appliance.estimate.amount import Amount, DishKind, liquid_amount, pieces, solid_amount
from appliance.estimate.appearance import Floats
from appliance.estimate.estimate import Estimate
from appliance.estimate.heap import NOMINAL_EDGE_MM, heap_volume_cm3, served_edge_mm
from appliance.estimate.network_grid import Maps, NetworkGrid, network_grid
from appliance.estimate.profile import Mask, WellProfile
from appliance.estimate.waterline import WallMap, wall_map
from appliance.tray.layout import Layout

CLASSES: Final = ("outside", "clean", "residue", "rice", "liquid", "solid", "foreign")
"""The classes of the network's channels, in order."""

OUTSIDE, CLEAN, RESIDUE, RICE, LIQUID, SOLID, FOREIGN = range(len(CLASSES))
FOOD: Final = (RICE, LIQUID, SOLID)

_NOMINAL_LEVEL: Final = 0.6
"""How full a well counts as served where no full reference was taken."""

_HIDING: Final = 0.5
_HIDING_MARGIN_PX: Final = 3
"""A foreign object's edge is blurred by this much in a network's map."""

_HIDDEN: Final = 0.02
_FOREIGN_SHARE: Final = 0.02
_UNSERVED_SHARE: Final = 0.05
_MIXED_SHARE: Final = 0.1
_OTHER: Final = 0.6
"""Another kind of food than was served is told where its probability is at least this."""

_LIKELIEST: Final = 1e-3
"""Probabilities count as this at least, and so log odds as 7 at most."""

_LEAST_ERROR, _MODEL_ERROR, _FULL_ERROR, _HIDDEN_ERROR, _NO_FULL_ERROR = 0.02, 0.35, 0.04, 0.3, 0.35


@dataclass(frozen=True)
class Contents:
    """Shares of a compartment's opening 0..1, summing to 1 (all 0 where none of it is in the picture)."""

    rice: float
    liquid: float
    solid: float
    residue: float
    foreign: float
    clean: float


@dataclass(frozen=True)
class WellContents:
    """What is left in one compartment, and what it is; `kind` is that of the dish served there."""

    estimate: Estimate
    contents: Contents
    kind: DishKind


@dataclass(frozen=True, eq=False)
class Dish:
    """What the full reference shows of one compartment; without one, `served` holds shares of 0."""

    well: WellProfile
    wall: WallMap
    kind: DishKind
    served: Contents
    edge_mm: float
    full_mask: Mask
    full_cm3: float


@dataclass(frozen=True, eq=False)
class SegmentationReferences:
    """What `prepare` learnt; `served` tells whether a full reference was among it."""

    grid: NetworkGrid
    dishes: dict[int, Dish]
    served: bool


def prepare(layout: Layout, full: Maps | None) -> SegmentationReferences:
    """Learn from the class probabilities (7, H, W) of the calibration's rectified full reference.

    Raises ValueError where a compartment lies outside the tray.
    """
    grid = network_grid(layout)
    if full is None:
        dishes = {id_: _unknown_dish(well) for id_, well in grid.wells.items()}
    else:
        shares = _on_grid(full, grid)
        dishes = {id_: _served_dish(shares[(..., *well.crop)], well) for id_, well in grid.wells.items()}
    return SegmentationReferences(grid, dishes, full is not None)


def estimate(probabilities: Maps, valid: Mask, references: SegmentationReferences) -> dict[int, WellContents]:
    """Return leftover and contents per compartment id from class probabilities of a rectified tray.

    `probabilities` (7, H, W), float32, sum to 1 over the classes; `valid` (H, W) marks the pixels that the
    picture really shows.
    """
    grid = references.grid
    shares = _on_grid(probabilities, grid)
    shown, seen = grid.known(valid), grid.known(valid & ~hiding(probabilities))
    return {
        id_: _judgement(
            shares[(..., *dish.well.crop)],
            dish.well.opening & shown[dish.well.crop],
            dish.well.opening & seen[dish.well.crop],
            dish,
            served=references.served,
        )
        for id_, dish in references.dishes.items()
    }


def hiding(probabilities: Maps) -> Mask:
    """Return where something foreign hides the tray, with a margin, on the probabilities' own pixels."""
    foreign = (probabilities[FOREIGN] > _HIDING).astype(np.uint8)
    return np.asarray(cv2.dilate(foreign, np.ones((_HIDING_MARGIN_PX, _HIDING_MARGIN_PX), np.uint8)) > 0)


def _on_grid(probabilities: Maps, grid: NetworkGrid) -> Maps:
    return np.stack([grid.resampled(np.ascontiguousarray(channel)) for channel in probabilities])


def _food_odds(shares: Maps) -> Floats:
    """Return the log odds of food against steel and films; foreign objects have no say."""
    food = np.maximum(shares[list(FOOD)].sum(axis=0), _LIKELIEST)
    other = np.maximum(shares[[CLEAN, RESIDUE]].sum(axis=0), _LIKELIEST)
    return np.asarray(np.log(food / other), np.float32)


def _contents(shares: Maps, shown: Mask) -> Contents:
    if not shown.any():
        return Contents(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    area = shares[:, shown].sum(axis=1)
    area = area / max(float(area[CLEAN:].sum()), 1e-9)
    share = [min(float(value), 1.0) for value in area]
    return Contents(
        rice=share[RICE],
        liquid=share[LIQUID],
        solid=share[SOLID],
        residue=share[RESIDUE],
        foreign=share[FOREIGN],
        clean=share[CLEAN],
    )


def _served_dish(shares: Maps, well: WellProfile) -> Dish:
    served = _contents(shares, well.opening)
    food = served.rice + served.liquid + served.solid
    kind: DishKind = "liquid" if served.liquid > 0.5 * food else "solid"
    if food < _UNSERVED_SHARE:
        kind = "unserved"
    odds = _food_odds(shares)
    dish = Dish(
        well=well,
        wall=wall_map(well),
        kind=kind,
        served=served,
        edge_mm=served_edge_mm(pieces(odds, well), well),
        full_mask=well.opening,
        full_cm3=1.0,
    )
    amount = _amount(odds, well.opening, dish)
    return Dish(
        well, dish.wall, kind, served, dish.edge_mm, amount.mask, full_cm3=max(amount.volume_cm3, 1e-6)
    )


def _unknown_dish(well: WellProfile) -> Dish:
    return Dish(
        well=well,
        wall=wall_map(well),
        kind="solid",
        served=Contents(0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        edge_mm=NOMINAL_EDGE_MM,
        full_mask=well.opening,
        full_cm3=max(well.volume_at(_NOMINAL_LEVEL), 1e-6),
    )


def _amount(odds: Floats, known: Mask, dish: Dish) -> Amount:
    if dish.kind == "liquid":
        return liquid_amount(odds, known, dish.well, dish.wall)
    return solid_amount(odds, known, dish.well, dish.edge_mm)


def _judgement(shares: Maps, shown: Mask, seen: Mask, dish: Dish, *, served: bool) -> WellContents:
    well = dish.well
    opening = max(float(np.count_nonzero(well.opening)), 1.0)
    hidden, cut = 1.0 - np.count_nonzero(seen) / opening, 1.0 - np.count_nonzero(shown) / opening
    contents = _contents(shares, shown)
    amount = _amount(_food_odds(shares), seen, dish)
    full_cm3 = dish.full_cm3
    if hidden > _HIDDEN and dish.kind != "liquid":
        # What is hidden is taken to be like the rest.
        full_cm3 = max(heap_volume_cm3(dish.full_mask & seen, well, dish.edge_mm), 0.1 * full_cm3)
    leftover = 0.0 if dish.kind == "unserved" else min(amount.volume_cm3 / full_cm3, 1.0)
    errors = [
        _LEAST_ERROR + _MODEL_ERROR * leftover * (1.0 - leftover) + _FULL_ERROR * leftover,
        amount.error_cm3 / dish.full_cm3 if dish.kind != "unserved" else 0.0,
        _HIDDEN_ERROR * hidden,
        0.0 if served else _NO_FULL_ERROR,
    ]
    flags = {
        "cut": cut > _HIDDEN,
        "foreign": contents.foreign > _FOREIGN_SHARE,
        "mixed": served and _is_mixed(shares, seen, dish),
        "no_full_reference": not served,
        "unserved": dish.kind == "unserved",
    }
    judged = Estimate(
        leftover=leftover,
        uncertainty=min(float(np.linalg.norm(errors)), 0.5),
        confidence=min(float(shares[:, shown].max(axis=0).mean()), 1.0) if shown.any() else 0.0,
        flags=tuple(flag for flag, raised in flags.items() if raised),
    )
    return WellContents(judged, contents, dish.kind)


def _is_mixed(shares: Maps, seen: Mask, dish: Dish) -> bool:
    """Tell whether food of a kind lies here that was not served here: people scrape leftovers together."""
    count = np.count_nonzero(seen)
    if count == 0:
        return False
    before = {RICE: dish.served.rice, LIQUID: dish.served.liquid, SOLID: dish.served.solid}
    others = [kind for kind, share in before.items() if share < _MIXED_SHARE]
    return any(np.count_nonzero(seen & (shares[kind] > _OTHER)) > _MIXED_SHARE * count for kind in others)
