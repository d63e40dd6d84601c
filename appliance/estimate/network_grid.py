"""Where the networks' maps lie on the tray.

A network sees the tray's bounding rectangle, edge to edge, squeezed to its own height and width. Its maps are
brought back to equal millimetres before anything is measured on them.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from appliance.estimate.deck import deck_mask
from appliance.estimate.profile import Mask, WellProfile, well_profile
from appliance.tray.layout import Layout
from appliance.tray.rectify import rectified_size

Maps = npt.NDArray[np.float32]

PX_PER_MM: Final = 0.8
"""About what a network of 256 pixels sees of a tray 290 to 375 mm long."""

_KNOWN_SHARE: Final = 0.99


@dataclass(frozen=True, eq=False)
class NetworkGrid:
    """The tray at `PX_PER_MM`: tray point (x, y) mm at pixel (x, y) * `PX_PER_MM`, as in rectified pictures.

    `wells` by compartment id, cropped from the grid's `shape` (rows, columns); `deck` marks the flat between.
    """

    tray_mm: tuple[float, float]
    shape: tuple[int, int]
    wells: dict[int, WellProfile]
    deck: Mask

    def resampled(self, values: Maps) -> Maps:
        """Return a network's map (H, W) on this grid, float32, interpolated."""
        rows, columns = values.shape
        width_mm, height_mm = self.tray_mm
        x, y = columns / (width_mm * PX_PER_MM), rows / (height_mm * PX_PER_MM)
        # The network's first pixel has its centre half a pixel from the tray's edge.
        network_from_grid = np.array([[x, 0, -0.5], [0, y, -0.5]], np.float64)
        moved = cv2.warpAffine(
            values,
            network_from_grid,
            self.shape[::-1],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(moved, np.float32)

    def known(self, valid: Mask) -> Mask:
        """Return which pixels of this grid are interpolated from none but `valid` ones (H, W) of a map."""
        return np.asarray(self.resampled(valid.astype(np.float32)) > _KNOWN_SHARE, np.bool_)


def network_grid(layout: Layout) -> NetworkGrid:
    """Return the grid of a tray type. Raises ValueError where a compartment lies outside the tray."""
    columns, rows = rectified_size(layout.tray_mm, PX_PER_MM)
    wells = {c.id: well_profile(c, PX_PER_MM, (rows, columns)) for c in layout.compartments}
    openings = np.zeros((rows, columns), np.bool_)
    for well in wells.values():
        openings[well.crop] |= well.opening
    return NetworkGrid(
        layout.tray_mm, (rows, columns), wells, deck_mask(openings, PX_PER_MM, layout.corner_radius_mm)
    )
