"""The volume of solid food from the outline it shows in a tapered well.

Where food ends on the well's wall, its surface is as high as the wall is there; where it ends on the floor or
low on the wall, it breaks off with an edge of its own. Between its edges it is a membrane that is drawn
towards the level it was served to, the deck's: the solution of the screened Poisson equation
lap(u) = (u - deck) / reach^2. Well inside, a heap keeps its height; close to an edge it slopes down to it.
"""

import cv2
import numpy as np
import numpy.typing as npt

from appliance.estimate.profile import Mask, WellProfile

REACH_MM = 30.0
"""How far from an edge a heap is lower for it. Errors on the rendered bench hardly differ from 25 to 40."""

EDGE_SHARE = 0.5
"""How high food stands at an edge that no wall holds, relative to its mean depth as served: what is dished
out thick also breaks off high. Errors on the rendered bench hardly differ between 0.35 and 0.6."""

NOMINAL_EDGE_MM = 5.0

_GRID_MM = 4.0
_ROUNDS = 24
_COARSEST = 8

Heights = npt.NDArray[np.float32]


def heap_surface(
    covered: Mask, rim: Heights, deck_mm: float, grid_mm: float, rounds: int = _ROUNDS
) -> Heights:
    """Return the surface over `covered` in millimetres, with the value `rim` around it.

    Rounds of averaging each cell's four neighbours (Jacobi), started from the solution on half the grid.
    """
    if min(covered.shape) >= 2 * _COARSEST:
        half = (covered.shape[1] // 2, covered.shape[0] // 2)
        coarse = heap_surface(
            cv2.resize(covered.astype(np.uint8), half, interpolation=cv2.INTER_NEAREST) > 0,
            cv2.resize(rim, half, interpolation=cv2.INTER_AREA).astype(np.float32),
            deck_mm,
            2 * grid_mm,
            rounds,
        )
        start = cv2.resize(coarse, covered.shape[::-1], interpolation=cv2.INTER_LINEAR)
        height = np.where(covered, start, rim).astype(np.float32)
    else:
        height = np.where(covered, np.float32(deck_mm), rim).astype(np.float32)
    pull = (grid_mm / REACH_MM) ** 2 / 4
    neighbours = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32) / np.float32(4 * (1 + pull))
    lift = np.float32(pull * deck_mm / (1 + pull))
    for _ in range(rounds):
        averaged = cv2.filter2D(height, -1, neighbours, borderType=cv2.BORDER_REPLICATE) + lift
        height = np.where(covered, averaged, rim)
    return height


def heap_volume_cm3(covered: Mask, profile: WellProfile, edge_mm: float = NOMINAL_EDGE_MM) -> float:
    """Return the volume of food covering these pixels of the well in cubic centimetres.

    `edge_mm` is how high food stands where no wall holds it.
    """
    covered = covered & profile.opening
    if not covered.any():
        return 0.0
    scale = 1.0 / (_GRID_MM * profile.px_per_mm)
    size = (max(round(covered.shape[1] * scale), 4), max(round(covered.shape[0] * scale), 4))
    share = cv2.resize(covered.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    well = cv2.resize(profile.level, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    well *= np.float32(profile.depth_mm)
    rim = np.maximum(well, np.float32(edge_mm))
    height = heap_surface(share > 0.5, rim, profile.depth_mm, _GRID_MM)
    cell_mm2 = float(covered.size) * profile.mm2_per_px / float(share.size)
    return float((np.maximum(height - well, 0.0) * share).sum()) * cell_mm2 / 1000.0


def served_edge_mm(served: Mask, profile: WellProfile) -> float:
    """Return the edge height of a dish from the pixels that a full serving covers."""
    area_mm2 = float(np.count_nonzero(served & profile.opening)) * profile.mm2_per_px
    if area_mm2 <= 0.0:
        return NOMINAL_EDGE_MM
    return EDGE_SHARE * heap_volume_cm3(served, profile, edge_mm=0.0) * 1000.0 / area_mm2
