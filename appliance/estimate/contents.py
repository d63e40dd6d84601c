"""What lies in a well: from the segmentation's class probabilities to shares, food and foreign objects."""

from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np

from appliance.estimate.network_grid import Maps
from appliance.estimate.profile import Mask

CLASSES: Final = ("outside", "clean", "residue", "rice", "liquid", "solid", "foreign")
"""The classes of the segmentation network's channels, in order."""

OUTSIDE, CLEAN, RESIDUE, RICE, LIQUID, SOLID, FOREIGN = range(len(CLASSES))

FoodKind = Literal["rice", "liquid", "solid"]

_HIDING: Final = 0.5
_HIDING_MARGIN_PX: Final = 1
"""A foreign object's edge is blurred by about this much in a network's map."""

_OTHER: Final = 0.6
_MIXED_SHARE: Final = 0.1


@dataclass(frozen=True)
class Contents:
    """Shares of a compartment's opening 0..1, summing to 1 (all 0 where none of it is in the picture)."""

    rice: float
    liquid: float
    solid: float
    residue: float
    foreign: float
    clean: float

    @property
    def food(self) -> float:
        """Return the share of food; a film of residue is none."""
        return self.rice + self.liquid + self.solid


NOTHING: Final = Contents(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def hiding(probabilities: Maps) -> Mask:
    """Return where something foreign hides the tray, with a margin: (H, W) of probabilities (7, H, W)."""
    foreign = (probabilities[FOREIGN] > _HIDING).astype(np.uint8)
    side = 2 * _HIDING_MARGIN_PX + 1
    return np.asarray(cv2.dilate(foreign, np.ones((side, side), np.uint8)) > 0)


def food_share(probabilities: Maps) -> Maps:
    """Return the probability (H, W) of food among food, film and bare steel: foreign objects have no say."""
    food = probabilities[RICE] + probabilities[LIQUID] + probabilities[SOLID]
    decided = food + probabilities[CLEAN] + probabilities[RESIDUE]
    return np.asarray(food / np.maximum(decided, np.float32(1e-6)), np.float32)


def contents(probabilities: Maps, shown: Mask) -> Contents:
    """Return the mean probabilities over the pixels of a well that the picture shows."""
    if not shown.any():
        return NOTHING
    area = np.array([channel[shown].sum(dtype=np.float64) for channel in probabilities])
    area /= max(area[CLEAN:].sum(), 1e-9)
    return Contents(
        rice=float(area[RICE]),
        liquid=float(area[LIQUID]),
        solid=float(area[SOLID]),
        residue=float(area[RESIDUE]),
        foreign=float(area[FOREIGN]),
        clean=float(area[CLEAN]),
    )


def kinds_not_served(probabilities: Maps, seen: Mask, served: Contents) -> tuple[FoodKind, ...]:
    """Return the kinds of food that lie in a well but were not served there: leftovers scraped together."""
    least = _MIXED_SHARE * np.count_nonzero(seen)
    kinds: tuple[tuple[FoodKind, int], ...] = (("rice", RICE), ("liquid", LIQUID), ("solid", SOLID))
    return tuple(
        kind
        for kind, channel in kinds
        if not is_served(kind, served)
        and least > 0
        and np.count_nonzero(seen & (probabilities[channel] > _OTHER)) > least
    )


def is_served(kind: FoodKind, served: Contents) -> bool:
    """Tell whether a full serving has more than a little of a kind of food."""
    return float(getattr(served, kind)) >= _MIXED_SHARE
