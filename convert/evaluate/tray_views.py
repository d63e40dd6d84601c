"""Rectified trays with known truth, by the appliance's own geometry or by their exact one."""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from appliance.estimate.profile import Mask
from appliance.picture import Picture
from appliance.tray.calibration import PX_PER_MM, Calibration, calibrate
from appliance.tray.layout import Layout, Points
from appliance.tray.locate import locate
from appliance.tray.rectify import rectify
from convert.evaluate.rendered_trays import Matrix, Shot, true_layout

FOUND_OVERLAP = 0.5
"""Intersection over union from which on a well counts as found."""


@dataclass(frozen=True, eq=False)
class View:
    """A rectified tray, the pixels it really shows, and where it lies in the picture."""

    picture: Picture
    valid: Mask
    picture_from_tray: Matrix


class Geometry(Protocol):
    """How trays are found."""

    calibration: Calibration

    def rectified(self, shot: Shot) -> View:
        """Return a tray's rectified view; raises JanbanError where it cannot be found."""


class RealGeometry:
    """Layout and poses as the appliance finds them."""

    def __init__(self, empty: Shot, full: Shot, tray_mm: tuple[float, float]) -> None:
        self.calibration = calibrate(empty.picture(), full.picture(), tray_mm)

    def rectified(self, shot: Shot) -> View:
        """Return a tray's rectified view; raises TrayNotFoundError where it cannot be found."""
        calibration, picture = self.calibration, shot.picture()
        located = locate(picture, calibration)
        top_view, valid = rectify(
            picture, located.picture_from_tray, calibration.layout.tray_mm, calibration.px_per_mm
        )
        return View(top_view, valid, located.picture_from_tray)


class TrueGeometry:
    """Layout and poses as their JSON files tell them."""

    def __init__(self, empty: Shot, full: Shot) -> None:
        self._layout = true_layout(empty)
        self.calibration = Calibration(
            self._layout, PX_PER_MM, self.rectified(empty).picture, self.rectified(full).picture
        )

    def rectified(self, shot: Shot) -> View:
        """Return a tray's rectified view."""
        transform, picture = shot.picture_from_plane(0.0), shot.picture()
        top_view, valid = rectify(picture, transform, self._layout.tray_mm, PX_PER_MM)
        return View(top_view, valid, transform)


def match_wells(found: Layout, true: Layout) -> dict[int, int]:
    """Return the found compartment's id for every true one that it overlaps by half or more.

    Overlap is intersection over union of the openings, both layouts scaled to the true tray's size.
    """
    scale = np.array(true.tray_mm) / np.array(found.tray_mm)
    numbers = {}
    for well in true.compartments:
        overlaps = {c.id: overlap(c.outline_mm * scale, well.outline_mm) for c in found.compartments}
        best = max(overlaps, key=lambda id_: overlaps[id_], default=None)
        if best is not None and overlaps[best] >= FOUND_OVERLAP:
            numbers[well.id] = best
    return numbers


def overlap(first: Points, second: Points) -> float:
    """Return intersection over union of two outlines, on a grid of their unit."""
    low = np.floor(np.minimum(first.min(axis=0), second.min(axis=0)))
    size = np.ceil(np.maximum(first.max(axis=0), second.max(axis=0)) - low).astype(int) + 2
    masks = []
    for outline in (first, second):
        mask = np.zeros((size[1], size[0]), np.uint8)
        cv2.fillPoly(mask, [np.round(outline - low).astype(np.int32)], (1,))
        masks.append(mask > 0)
    return float((masks[0] & masks[1]).sum()) / max(float((masks[0] | masks[1]).sum()), 1.0)
