"""The way of one tray: locate → rectify → estimate → fuse → outcome."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from appliance.clock import Clock, Deadline
from appliance.errors import TrayNotFoundError
from appliance.estimate import back_projection
from appliance.estimate.back_projection import BackProjectionParameters, CompartmentEstimate
from appliance.estimate.fusion import fuse, study_weights
from appliance.picture import Picture, has_colour
from appliance.readings.measurement import CompartmentMeasurement, Estimates, Outcome, Weights
from appliance.service.overlay import WellMark, draw_overlay
from appliance.service.stages import Stages
from appliance.tray.calibration import Calibration
from appliance.tray.layout import Compartment, Layout
from appliance.tray.locate import Homography, Located, locate
from appliance.tray.rectify import project, rectify

_WHOLE_TRAY = 0.995
"""Share of the tray inside the picture from which on it counts as seen as a whole."""

_LEAST_PX_PER_MM = 0.65
"""A tray seen smaller is not measured: from 0.6 px/mm down, pictures made smaller lost 0.2 and more of a
well's leftover, while the stated uncertainty stayed what it was."""

_OBSCURED = frozenset({"cut"})


@dataclass(frozen=True, eq=False)
class Seen:
    """What the overlay needs beside the outcome: where the tray lay and what was taken for food."""

    picture_from_tray: Homography
    px_per_mm: float
    food: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class MeasuredTray:
    """One tray's outcome; `seen` is None for a rejected one."""

    outcome: Outcome
    seen: Seen | None


class TrayMeasurer:
    """Measures trays of one calibration. Depth and segmentation join beside back projection in `measure`."""

    def __init__(self, calibration: Calibration, parameters: BackProjectionParameters, clock: Clock) -> None:
        self._calibration = calibration
        self._references = back_projection.prepare(calibration, parameters)
        self._clock = clock

    def measure(
        self, picture: Picture, *, deadline: Deadline | None = None, stages: Stages | None = None
    ) -> MeasuredTray:
        """Measure the tray in a picture (H, W, 3, BGR).

        Always returns an outcome: a picture without the tray is `rejected` with the reason, one whose
        deadline has passed by the time it is measured is `degraded`. Total latency runs from the start of
        `stages`.
        """
        stages = stages or Stages(self._clock)
        try:
            with stages.time("locate"):
                located = locate(picture, self._calibration)
        except TrayNotFoundError as error:
            return rejected(str(error), stages)
        unfit = _unfit_reason(picture, located, self._calibration.layout)
        if unfit is not None:
            return rejected(unfit, stages)
        layout, px_per_mm = self._calibration.layout, self._calibration.px_per_mm
        with stages.time("rectify"):
            top_view, valid = rectify(picture, located.picture_from_tray, layout.tray_mm, px_per_mm)
        with stages.time("back_projection"):
            estimates = back_projection.estimate(top_view, valid, self._references)
        with stages.time("fuse"):
            compartments = tuple(self._compartment(c, estimates[c.id], located) for c in layout.compartments)
        reason = _degraded_reason(located, compartments, deadline)
        outcome = Outcome(
            status="measured" if reason is None else "degraded",
            reason=reason,
            path="fallback",
            compartments=compartments,
            leftover=_tray_leftover(compartments, estimates),
            latency_ms=stages.latency_ms(),
        )
        food = _food_mask(estimates, valid.shape)
        return MeasuredTray(outcome, Seen(located.picture_from_tray, px_per_mm, food))

    def _compartment(
        self, compartment: Compartment, seen: CompartmentEstimate, located: Located
    ) -> CompartmentMeasurement:
        by_estimator = {"back_projection": seen.estimate}
        weights = study_weights(frozenset(by_estimator), None)
        fused = fuse(by_estimator, weights)
        outline_px = project(compartment.outline_mm, located.picture_from_tray)
        return CompartmentMeasurement(
            id=compartment.id,
            outline=tuple((float(x), float(y)) for x, y in outline_px),
            leftover=fused.leftover,
            uncertainty=fused.uncertainty,
            confidence=fused.confidence,
            estimates=Estimates(**{name: e.leftover for name, e in by_estimator.items()}),
            weights=Weights(**weights),
            flags=fused.flags,
        )


def _tray_leftover(
    compartments: tuple[CompartmentMeasurement, ...], estimates: Mapping[int, CompartmentEstimate]
) -> float:
    """Weigh the wells by the volumes of their full servings."""
    volumes = [estimates[c.id].full_cm3 for c in compartments]
    left = sum(c.leftover * volume for c, volume in zip(compartments, volumes, strict=True))
    return min(left / max(sum(volumes), 1e-9), 1.0)


def rejected(reason: str, stages: Stages) -> MeasuredTray:
    """Return the outcome of a picture that cannot be measured."""
    outcome = Outcome(status="rejected", reason=reason[:200], path="fallback", latency_ms=stages.latency_ms())
    return MeasuredTray(outcome, None)


def capacity_mm3(compartment: Compartment) -> float:
    """Return what a well holds up to its opening: a frustum between floor and opening outlines."""
    outlines = (compartment.outline_mm, compartment.floor_mm)
    top, bottom = (abs(float(cv2.contourArea(outline.astype(np.float32)))) for outline in outlines)
    return compartment.depth_mm / 3 * (top + bottom + math.sqrt(top * bottom))


def overlay(picture: Picture, tray: MeasuredTray) -> Picture:
    """Return the picture with the outcome drawn on it: outlines, percent per well, food tinted."""
    outcome = tray.outcome
    if tray.seen is None:
        return draw_overlay(picture, np.zeros(picture.shape[:2], np.bool_), [], f"rejected: {outcome.reason}")
    scale = np.diag([1 / tray.seen.px_per_mm, 1 / tray.seen.px_per_mm, 1.0])
    food = cv2.warpPerspective(
        tray.seen.food.astype(np.uint8),
        tray.seen.picture_from_tray @ scale,
        (picture.shape[1], picture.shape[0]),
        flags=cv2.INTER_NEAREST,
    )
    wells = [
        WellMark(np.array(c.outline), c.leftover, c.uncertainty, not _OBSCURED.isdisjoint(c.flags))
        for c in outcome.compartments
    ]
    caption = f"tray {outcome.leftover:.0%} left · {outcome.status}"
    if outcome.reason:
        caption += f": {outcome.reason}"
    return draw_overlay(picture, food.astype(np.bool_), wells, caption)


def _unfit_reason(picture: Picture, located: Located, layout: Layout) -> str | None:
    """Tell why a picture shows the tray, but not well enough to measure it."""
    seen_px_per_mm = math.sqrt(_seen_area_px(located, layout) / (layout.tray_mm[0] * layout.tray_mm[1]))
    if seen_px_per_mm < _LEAST_PX_PER_MM:
        return (
            f"the tray is too small in the picture ({seen_px_per_mm:.2f} pixels per mm, {_LEAST_PX_PER_MM}"
            " are needed); bring the camera closer or take larger pictures"
        )
    if not has_colour(picture):
        return "the picture has no colour; take it with a colour camera"
    return None


def _seen_area_px(located: Located, layout: Layout) -> float:
    width, height = layout.tray_mm
    corners_mm = np.array([[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]])
    return float(cv2.contourArea(project(corners_mm, located.picture_from_tray).astype(np.float32)))


def _degraded_reason(
    located: Located, compartments: tuple[CompartmentMeasurement, ...], deadline: Deadline | None
) -> str | None:
    if located.in_frame_fraction < _WHOLE_TRAY:
        return f"{1 - located.in_frame_fraction:.1%} of the tray lies outside the picture"
    obscured = [str(c.id) for c in compartments if not _OBSCURED.isdisjoint(c.flags)]
    if obscured:
        return f"compartment {', '.join(obscured)} partly hidden"
    if deadline is not None and deadline.passed:
        return "measured after the deadline"
    return None


def _food_mask(estimates: Mapping[int, CompartmentEstimate], shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    food = np.zeros(shape, np.bool_)
    for seen in estimates.values():
        food |= seen.food_mask
    return food
