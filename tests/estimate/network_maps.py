"""Maps as perfect networks would make them of the tray of `wells`: 256 x 256 pixels, edge to edge."""

from functools import cache

import numpy as np

from appliance.estimate.contents import CLASSES, CLEAN
from appliance.estimate.network_grid import Maps
from appliance.estimate.profile import Mask, well_profile
from tests.estimate.wells import TRAY_MM, layout

SIDE = 256
EVERYWHERE: Mask = np.ones((SIDE, SIDE), np.bool_)
_FINE = 4.0


def places_mm() -> tuple[Maps, Maps]:
    """Return x and y in tray millimetres of every pixel's centre."""
    along = (np.arange(SIDE, dtype=np.float32) + 0.5) / SIDE
    x, y = np.meshgrid(along * TRAY_MM[0], along * TRAY_MM[1])
    return x, y


@cache
def levels(id_: int) -> tuple[Maps, Mask]:
    """Return a well's relative height per pixel, and its opening."""
    shape = round(TRAY_MM[1] * _FINE), round(TRAY_MM[0] * _FINE)
    well = well_profile(layout().compartments[id_ - 1], _FINE, shape)
    level, opening = np.ones(shape, np.float32), np.zeros(shape, np.bool_)
    level[well.crop], opening[well.crop] = well.level, well.opening
    x, y = (np.floor(place * _FINE).astype(int) for place in places_mm())
    return level[y, x], opening[y, x]


def empty_mm() -> Maps:
    """Return the surface of the empty tray in mm above the deck."""
    surface = np.zeros((SIDE, SIDE), np.float32)
    for well in layout().compartments:
        level, opening = levels(well.id)
        surface[opening] = (level[opening] - 1) * well.depth_mm
    return surface


def filled_mm(*to_level: float) -> Maps:
    """Return the surface with each well filled level up to a share of its depth."""
    surface = empty_mm()
    for well, up_to in zip(layout().compartments, to_level, strict=True):
        _, opening = levels(well.id)
        surface[opening] = np.maximum(surface[opening], (up_to - 1) * well.depth_mm)
    return surface


def depth_map(surface: Maps) -> Maps:
    """Return what the depth network says of a surface in mm above the deck."""
    return (1 + surface / 50).astype(np.float32)


def below(id_: int, up_to: float) -> Mask:
    """Return the pixels of a well up to a level."""
    level, opening = levels(id_)
    return np.asarray(opening & (level <= up_to), np.bool_)


def class_map(*where: tuple[int, Mask]) -> Maps:
    """Return certain probabilities (7, H, W): clean steel, and these classes on these pixels, last on top."""
    classes = np.full((SIDE, SIDE), CLEAN)
    for number, mask in where:
        classes[mask] = number
    return (np.arange(len(CLASSES))[:, None, None] == classes).astype(np.float32)
