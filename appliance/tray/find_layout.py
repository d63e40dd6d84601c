"""Find a tray's layout, its outline and every compartment, in one picture of it empty."""

from dataclasses import dataclass

import cv2
import numpy as np

from appliance.errors import CalibrationError
from appliance.picture import Picture
from appliance.tray.align import PROJECTIVE, Samples, align, support
from appliance.tray.curves import resample, rounded_rectangle
from appliance.tray.gradient import Gradient, gradient
from appliance.tray.layout import Compartment, Layout, Points
from appliance.tray.outline import outline_candidates
from appliance.tray.rectify import Homography, project, rectify, resized
from appliance.tray.shape import Shape
from appliance.tray.wells import Well, find_wells

_VIEW_PX_PER_MM = 2.0
_USUAL_DEPTH_MM = 25.0
_OUTLINES_TRIED = 5
_MOST_WELLS, _LEAST_WELLS = 12, 2
_LEAST_RIM_SUPPORT = 0.4
_USUAL_DISTORTION = 0.05
"""Of a tray's corners by perspective, as a share of their distance from its centre."""
_LEAST_CLEAR, _CLEAR_ENOUGH = 0.3, 0.42
_LEAST_WELL_AREA = 0.3
"""Share of a tray that its wells cover at least."""


@dataclass(frozen=True, eq=False)
class FoundLayout:
    """A layout, and where its tray lies in the picture it was found in (tray mm to picture pixels)."""

    layout: Layout
    picture_from_tray: Homography


def find_layout(picture: Picture, tray_mm: tuple[float, float]) -> FoundLayout:
    """Find the tray and its compartments in a picture (H, W, 3), BGR, of the empty tray.

    The tray may fill the picture to its border. The long side of `tray_mm` is laid along the tray's long
    side as it appears. Compartments are numbered in reading order of the picture: rows from the top, each
    from the left. Raises `CalibrationError` where no tray or no compartments can be found.
    """
    best: tuple[float, Homography, tuple[float, float], float, list[Well]] | None = None
    for picture_from_tray, size, radius in tray_outlines(picture, tray_mm)[:_OUTLINES_TRIED]:
        view, _ = rectify(picture, picture_from_tray, size, _VIEW_PX_PER_MM)
        wells = find_wells(view, _VIEW_PX_PER_MM)
        share = sum(well.opening.area for well in wells) / (view.shape[0] * view.shape[1])
        clear = sum(well.score * well.opening.area for well in wells) / (view.shape[0] * view.shape[1])
        if (
            _LEAST_WELLS <= len(wells) <= _MOST_WELLS
            and share > _LEAST_WELL_AREA
            and clear > (_LEAST_CLEAR if best is None else best[0])
        ):
            best = clear, picture_from_tray, size, radius, wells
            if clear > _CLEAR_ENOUGH:
                break
    if best is None:
        raise CalibrationError(
            "no tray with compartments can be told in the empty reference; take it from straight above,"
            " whole and well lit, on a plain surface"
        )
    _, picture_from_tray, size, radius, wells = best
    compartments = tuple(
        Compartment(
            id=number,
            name=f"well {number}",
            outline_mm=_tray_mm(well.opening),
            floor_mm=_tray_mm(well.floor),
            depth_mm=_USUAL_DEPTH_MM,
        )
        for number, well in enumerate(reading_order(wells), start=1)
    )
    return FoundLayout(Layout(size, radius, compartments), picture_from_tray)


def reading_order(wells: list[Well]) -> list[Well]:
    """Return wells row by row from the top, each row from the left.

    A well belongs to a row if its centre lies within the height of the row's first well.
    """
    left = sorted(wells, key=lambda well: well.opening.centre[1])
    ordered = []
    while left:
        first = left[0].opening
        row = [well for well in left if first.y0 <= well.opening.centre[1] <= first.y1]
        left = [well for well in left if well not in row]
        ordered += sorted(row, key=lambda well: well.opening.centre[0])
    return ordered


def _tray_mm(shape: Shape) -> Points:
    return shape.outline() / _VIEW_PX_PER_MM


def tray_outlines(
    picture: Picture, tray_mm: tuple[float, float]
) -> list[tuple[Homography, tuple[float, float], float]]:
    """Return where the tray may lie: map from tray mm, size as it lies, corner radius; best first."""
    field = gradient(picture, 960)
    found: list[tuple[float, Homography, tuple[float, float], float]] = []
    for quad in outline_candidates(picture):
        start, size = _upright((quad + 0.5) * field.scale - 0.5, tray_mm)
        score, moved, radius = _fitted(field, start, size)
        if score > _LEAST_RIM_SUPPORT and _inside(field, moved, size):
            found.append(
                (
                    score * _area(moved, size) ** 0.5 * _likelihood(moved, size),
                    resized(moved, 1 / field.scale, 1 / field.scale),
                    size,
                    radius,
                )
            )
    found.sort(key=lambda outline: -outline[0])
    outlines: list[tuple[Homography, tuple[float, float], float]] = []
    corners: list[Points] = []
    for _, picture_from_tray, size, radius in found:
        quad = project(_corners(size), picture_from_tray)
        if not any(np.abs(quad - other).max() < 0.02 * max(picture.shape) for other in corners):
            corners.append(quad)
            outlines.append((picture_from_tray, size, radius))
    height, width = picture.shape[:2]
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64) - 0.5
    start, size = _upright(frame, tray_mm)
    stretch = (size[0] / size[1]) / (width / height)
    if 0.9 < stretch < 1.11:
        # Second, as a tray that fills the picture is rare but its parts stand out like trays.
        outlines.insert(min(1, len(outlines)), (start, size, 0.1 * min(size)))
    return outlines


def _upright(quad: Points, tray_mm: tuple[float, float]) -> tuple[Homography, tuple[float, float]]:
    """Return the map of a tray onto a rectangle such that the tray's top is the picture's, and its size."""
    # The corner nearest to the picture's top left comes first, then clockwise as y points down.
    x, y = quad.T
    if np.dot(x, np.roll(y, -1)) < np.dot(y, np.roll(x, -1)):
        quad = quad[::-1]
    quad = np.roll(quad, -int(np.argmin(quad.sum(axis=1))), axis=0)
    long, short = max(tray_mm), min(tray_mm)
    sides = np.hypot(*(np.roll(quad, -1, axis=0) - quad).T)
    size = (long, short) if sides[0] + sides[2] >= sides[1] + sides[3] else (short, long)
    corners = _corners(size).astype(np.float32)
    return np.asarray(cv2.getPerspectiveTransform(corners, quad.astype(np.float32)), np.float64), size


def _fitted(field: Gradient, start: Homography, size: tuple[float, float]) -> tuple[float, Homography, float]:
    """Return the best rim: support 0..1, map, corner radius."""
    best = (0.0, start, 0.0)
    px = float(np.sqrt(_area(start, size) / (size[0] * size[1])))
    for share in (0.08, 0.15, 0.22):
        radius = share * min(size)
        rim = rim_samples(size, radius)
        moved = align(field, rim, start, [2 * px, 2 * px, 1.5 * px, 1.5 * px], PROJECTIVE)
        found = support(field, rim, moved, px)
        score = float(np.nanmean(found)) if np.isfinite(found).mean() > 0.9 else 0.0
        if score > best[0]:
            best = score, moved, radius
    return best


def rim_samples(size: tuple[float, float], radius: float) -> Samples:
    """Return samples along the rim of a tray."""
    points, normals = resample(rounded_rectangle(0, 0, size[0], size[1], radius), 6.0)
    return Samples(points, normals, np.ones(len(points)), (size[0] / 2, size[1] / 2), max(size) / 2)


def _area(homography: Homography, size: tuple[float, float]) -> float:
    corners = _corners(size)
    return abs(float(cv2.contourArea(project(corners, homography).astype(np.float32))))


def _likelihood(homography: Homography, size: tuple[float, float]) -> float:
    """Return how likely a tray seen from about straight above appears like this, 0..1.

    By how far its corners lie from those of the most similar upright rectangle (Procrustes distance).
    """
    points, seen = (
        centred @ np.array([1, 1j])
        for corners in (_corners(size), project(_corners(size), homography))
        for centred in (corners - corners.mean(axis=0),)
    )
    similarity = np.vdot(points, seen) / np.vdot(points, points)
    off = float(np.linalg.norm(seen - similarity * points) / np.linalg.norm(seen))
    return 1 / (1 + (off / _USUAL_DISTORTION) ** 2)


def _inside(field: Gradient, homography: Homography, size: tuple[float, float]) -> bool:
    corners = _corners(size)
    quad, (width, height) = project(corners, homography), field.size
    slack = 0.02 * max(width, height)
    return bool((quad > -slack).all() and (quad < np.array([width + slack, height + slack])).all())


def _corners(size: tuple[float, float]) -> Points:
    return np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float64)
