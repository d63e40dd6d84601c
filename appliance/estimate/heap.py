"""The volume of solid food from the outline it shows in a tapered well.

Where food ends on the well's wall, its surface is as high as the wall is there. A surface stretched between
those heights over everything that is covered (a membrane: the solution of Laplace's equation with the well's
height at the food's outline) is a good guess of the food's upper envelope: it is level for a liquid, and it
slopes from the wall to the floor for food pushed to one side. Pieces lie on that surface with some thickness
of their own, so a layer is added.
"""

import cv2
import numpy as np
import numpy.typing as npt

from appliance.estimate.profile import Mask, WellProfile

LAYER_MM = 4.0
_GRID_MM = 4.0
_ROUNDS = 60

Heights = npt.NDArray[np.float32]


def membrane(covered: Mask, surface: Heights, rounds: int = _ROUNDS) -> Heights:
    """Return the harmonic surface over `covered` that meets `surface` around it, never below it.

    Successive averaging of the four neighbours, started from the coarse solution on half the grid.
    """
    if min(covered.shape) > 8:
        half = (covered.shape[1] // 2, covered.shape[0] // 2)
        small_cover = cv2.resize(covered.astype(np.uint8), half, interpolation=cv2.INTER_NEAREST) > 0
        small_surface = cv2.resize(surface, half, interpolation=cv2.INTER_AREA).astype(np.float32)
        start = cv2.resize(membrane(small_cover, small_surface, rounds), covered.shape[::-1])
        height = np.where(covered, np.maximum(start, surface), surface).astype(np.float32)
    else:
        height = surface.astype(np.float32)
    neighbours = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32) / 4
    for _ in range(rounds):
        averaged = cv2.filter2D(height, -1, neighbours, borderType=cv2.BORDER_REPLICATE)
        height = np.where(covered, np.maximum(averaged, surface), surface)
    return height


def heap_volume_cm3(covered: Mask, profile: WellProfile, layer_mm: float = LAYER_MM) -> float:
    """Return the volume of food covering these pixels of the well in cubic centimetres."""
    covered = covered & profile.opening
    if not covered.any():
        return 0.0
    scale = 1.0 / (_GRID_MM * profile.px_per_mm)
    size = (max(round(covered.shape[1] * scale), 4), max(round(covered.shape[0] * scale), 4))
    share = cv2.resize(covered.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    level = cv2.resize(profile.level, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    surface = level * np.float32(profile.depth_mm)
    above_mm = membrane(share > 0.5, surface) - surface
    cell_mm2 = float(covered.size) * profile.mm2_per_px / float(share.size)
    layer_cm3 = layer_mm * float(np.count_nonzero(covered)) * profile.mm2_per_px / 1000.0
    return float(above_mm.sum()) * cell_mm2 / 1000.0 + layer_cm3
