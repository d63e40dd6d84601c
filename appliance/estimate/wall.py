"""The curve of a well's wall, as a height map of the empty tray shows it.

Pressed steel bends: a wall has a rounded shoulder and foot, and its straight model errs by up to a tenth of
the depth. Only the curve is taken from the map, between the floor and the deck that the map itself shows, so
its scale does not matter.
"""

from typing import Final

import numpy as np

from appliance.estimate.network_grid import Maps
from appliance.estimate.profile import WellProfile, with_curved_wall

_BINS: Final = 12
_LEAST_PIXELS: Final = 12
_LEAST_DEPTH_MM: Final = 5.0


def measured_wall(well: WellProfile, surface_mm: Maps) -> WellProfile:
    """Return a well with its wall as measured on the crop's surface of the empty tray (above the deck, mm).

    The median height of all pixels at the same share of the way up the wall: what lies off to one side, as a
    wall seen at an angle does, lies off to the other on the opposite wall. A map that shows hardly a well
    there leaves it as it is.
    """
    wall = well.opening & ~well.floor
    floor_mm = float(np.median(surface_mm[well.floor]))
    outside = ~well.opening
    deck_mm = float(np.median(surface_mm[outside])) if outside.any() else 0.0
    if deck_mm - floor_mm < _LEAST_DEPTH_MM:
        return well
    share = np.clip((surface_mm[wall] - floor_mm) / (deck_mm - floor_mm), 0.0, 1.0)
    bins = np.minimum((well.level[wall] * _BINS).astype(int), _BINS - 1)
    filled = [place for place in range(_BINS) if np.count_nonzero(bins == place) >= _LEAST_PIXELS]
    straight = [0.0, *((place + 0.5) / _BINS for place in filled), 1.0]
    heights = [0.0, *(float(np.median(share[bins == place])) for place in filled), 1.0]
    return with_curved_wall(well, np.array(straight), np.maximum.accumulate(heights))
