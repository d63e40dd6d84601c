"""The networks' estimators wired together: from both networks' maps to one estimate per compartment of each.

What the segmentation sees as foreign hides the tray, so it counts for neither estimator. Depth is told where
the segmentation sees food: heights beside it are the network's errors, of films and of walls.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from appliance.estimate import depth, segmentation
from appliance.estimate.contents import Contents, food_share, hiding
from appliance.estimate.depth import DepthReferences
from appliance.estimate.estimate import Estimate
from appliance.estimate.network_grid import Maps
from appliance.estimate.profile import Mask
from appliance.estimate.segmentation import SegmentationReferences, WellContents
from appliance.tray.layout import Layout

_HIDDEN_ERROR: Final = 0.3
"""Standard deviation of a hidden well, as in `back_projection`."""


@dataclass(frozen=True, eq=False)
class ReferenceMaps:
    """What the networks say of a calibration's rectified references.

    Depth maps (H, W) of the empty and the full one, class probabilities (7, H, W) of the full one; None
    where no full reference was taken.
    """

    empty_depth: Maps
    full_depth: Maps | None
    full_probabilities: Maps | None


@dataclass(frozen=True, eq=False)
class NetworkReferences:
    """What both estimators learnt from a calibration."""

    depth: DepthReferences
    segmentation: SegmentationReferences


def prepare(layout: Layout, maps: ReferenceMaps) -> NetworkReferences:
    """Learn from the maps of the references; raises ValueError where a compartment lies outside the tray."""
    served = None if maps.full_probabilities is None else food_share(maps.full_probabilities)
    return NetworkReferences(
        depth.prepare(layout, maps.empty_depth, maps.full_depth, served),
        segmentation.prepare(layout, maps.full_probabilities, maps.empty_depth),
    )


def by_segmentation(
    probabilities: Maps, valid: Mask, references: NetworkReferences
) -> dict[int, WellContents]:
    """Return leftover and contents per compartment id from class probabilities (7, H, W).

    `valid` (any H, W) marks what the picture shows of the tray.
    """
    shown = on_grid(valid, probabilities.shape[1:])
    return segmentation.estimate(probabilities, shown, references.segmentation)


def by_depth(
    depth_map: Maps, probabilities: Maps, valid: Mask, references: NetworkReferences
) -> dict[int, Estimate]:
    """Return the leftover per compartment id from a depth map (H, W), told of the segmentation's food.

    `valid` (any H, W) marks what the picture shows of the tray; what is foreign by the segmentation's
    `probabilities` (7, H, W) is left out of it.
    """
    counted = on_grid(valid, depth_map.shape) & ~on_grid(hiding(probabilities), depth_map.shape)
    return depth.estimate(depth_map, counted, references.depth, food_share(probabilities))


def blinded(projected: Estimate, contents: Contents) -> Estimate:
    """Return back projection's estimate, less sure by what hides the well: it sees food or steel there."""
    hidden = _HIDDEN_ERROR * contents.foreign
    return replace(projected, uncertainty=min(math.hypot(projected.uncertainty, hidden), 0.5))


def on_grid(mask: Mask, shape: tuple[int, ...]) -> Mask:
    """Return a mask of the tray (any H, W) on a grid of `shape` (H, W), nearest pixel."""
    resized = cv2.resize(mask.astype(np.uint8), (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST)
    return np.asarray(resized > 0, np.bool_)
