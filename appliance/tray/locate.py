"""Find a calibrated tray in a picture and say which way round it lies."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from appliance.errors import TrayNotFoundError
from appliance.picture import Picture
from appliance.tray.align import AFFINE, PROJECTIVE, SIMILARITY, Samples, align, support
from appliance.tray.busiest import busiest_rectangle
from appliance.tray.curves import resample, rounded_rectangle
from appliance.tray.gradient import Gradient, gradient
from appliance.tray.layout import Layout, Points
from appliance.tray.outline import outline_candidates
from appliance.tray.profiles import Profiles, agreement, match, reference_profiles
from appliance.tray.rectify import Homography, project, resized
from appliance.tray.references import Calibration

__all__ = ["Homography", "Located", "locate"]

_COARSE_PX, _FINE_PX = 320, 960
_RIM_REACHES_PX = [8.0, 6.0, 4.0, 3.0, 2.0]
_WAY_REACHES_PX = [5.0, 4.0, 3.0, 2.0]
_COARSE_MATCHES = [(14.0, SIMILARITY), (10.0, AFFINE), (10.0, PROJECTIVE), (8.0, PROJECTIVE)]
_FINE_MATCHES = [(reach_mm, PROJECTIVE) for reach_mm in (7.0, 6.0, 5.0, 4.0, 3.0, 3.0, 3.0)]
"""How far cross sections are sought (mm), and with which freedom the tray may move."""

_RIMS_TRIED = 6
_CLEAR = 0.45, 1.5
"""A score from which on, and a factor by which it beats the next, no other outline is tried."""

_LIKELY = 0.35, 2.0
"""Enough for the busiest rectangle to be the only one, once all outlines in it were tried.

Under lamps unlike the reference's the right pose scores no more, but a wrong one hardly half as much.
"""
_SETTLED_PX = 0.1
_LEAST_SCORE = 0.3
_LEAST_SEEN = 0.7
_LEAST_IN_FRAME = 0.9


@dataclass(frozen=True, eq=False)
class Located:
    """Where a tray lies.

    `picture_from_tray` maps tray millimetres to source picture pixels. `score` is 0..1, how well the layout
    matches; `in_frame_fraction` is 0..1, the share of the tray's area inside the picture. `margin` is how
    much worse the next way round scores: near 0, which way round the tray lies is a guess.
    """

    picture_from_tray: Homography
    score: float
    in_frame_fraction: float
    margin: float = 1.0


@dataclass(frozen=True, eq=False)
class _Hypothesis:
    picture_from_tray: Homography
    score: float


@dataclass(frozen=True, eq=False)
class _Model:
    """What is sought: samples of rim, openings and both, and the openings' cross sections."""

    rim: Samples
    wells: Samples
    both: Samples
    profiles: Profiles
    tray_mm: tuple[float, float]


def locate(picture: Picture, calibration: Calibration) -> Located:
    """Find the tray of `calibration` in a picture (H, W, 3), BGR.

    Works at any in-plane angle, up to about 12 degrees of tilt and with up to a few percent of the tray
    outside the picture. Raises `TrayNotFoundError` with the reason.
    """
    layout, model = calibration.layout, _model(calibration)
    if min(picture.shape[:2]) < 64:
        raise TrayNotFoundError("the picture is too small to show a tray")
    coarse = gradient(picture, _COARSE_PX)
    finals = _searched(coarse, model, busiest_rectangle(coarse), [])
    if not (_stands_out(finals, *_CLEAR) or _stands_out(finals, *_LIKELY)):
        quads = [(q + 0.5) * coarse.scale - 0.5 for q in (*outline_candidates(picture), _frame(picture))]
        finals = _searched(coarse, model, quads, finals)
    if not finals:
        raise TrayNotFoundError("nothing in the picture has the shape of the tray")
    fine = gradient(picture, _FINE_PX)
    ratio = fine.scale / coarse.scale
    second = finals[1].score if len(finals) > 1 else 0.0
    best = _matched(fine, model, resized(finals[0].picture_from_tray, ratio, ratio), _FINE_MATCHES)
    picture_from_tray = resized(best.picture_from_tray, 1 / fine.scale, 1 / fine.scale)
    if best.score < _LEAST_SCORE:
        raise TrayNotFoundError(f"nothing in the picture matches the layout (best match {best.score:.2f})")
    inside = _in_frame(picture, picture_from_tray, layout)
    if inside < _LEAST_IN_FRAME:
        raise TrayNotFoundError(f"only {inside:.0%} of the tray lies inside the picture")
    return Located(picture_from_tray, best.score, inside, finals[0].score - second)


def _searched(
    field: Gradient, model: _Model, quads: list[Points], known: list[_Hypothesis]
) -> list[_Hypothesis]:
    """Return distinct hypotheses, best first: `known` ones, and both ways round in each of the rectangles.

    The search ends as soon as the best is clear.
    """
    rims = [
        _scored(field, model.rim, align(field, model.rim, start, _RIM_REACHES_PX, SIMILARITY))
        for quad in quads
        for start in _starts(quad, model.tray_mm)
    ]
    rims.sort(key=_by_score)
    found = known
    for outline in _distinct(rims, model.tray_mm, 0.01)[:_RIMS_TRIED]:
        for start in _turned(outline.picture_from_tray, model.tray_mm):
            aligned = align(field, model.both, start, _WAY_REACHES_PX, SIMILARITY)
            found = [*found, _matched(field, model, aligned, _COARSE_MATCHES)]
        found = _distinct(sorted(found, key=_by_score), model.tray_mm, 0.05)
        if _stands_out(found, *_CLEAR):
            break
    return found


def _stands_out(ranked: list[_Hypothesis], score: float, lead: float) -> bool:
    """Whether the best hypothesis is above `score`, and above `lead` times the next."""
    best, second, *_ = *(hypothesis.score for hypothesis in ranked), 0.0, 0.0
    return best > score and best > lead * second


def _matched(
    field: Gradient, model: _Model, start: Homography, matches: list[tuple[float, int]]
) -> _Hypothesis:
    """Match cross sections in the field's own pixels."""
    moved, corners = start, _corners(model.tray_mm)
    for reach_mm, freedom in matches:
        before = moved
        moved = match(field, model.wells, model.profiles, before, reach_mm=reach_mm, freedom=freedom)
        if np.abs(project(corners, moved) - project(corners, before)).max() < _SETTLED_PX:
            break
    return _Hypothesis(moved, agreement(field, model.wells, model.profiles, moved))


def _scored(field: Gradient, samples: Samples, picture_from_tray: Homography) -> _Hypothesis:
    found = support(field, samples, picture_from_tray, _px_per_mm(picture_from_tray, samples))
    seen = ~np.isnan(found)
    # A tray that fills the picture to its border shows no rim: that speaks neither for nor against it.
    score = 0.5 if seen.mean() < _LEAST_SEEN else float(found[seen].mean())
    return _Hypothesis(picture_from_tray, score)


def _by_score(hypothesis: _Hypothesis) -> float:
    return -hypothesis.score


def _px_per_mm(picture_from_tray: Homography, samples: Samples) -> float:
    x, y = samples.centre_mm
    cross = np.array([[x - 10, y], [x + 10, y], [x, y - 10], [x, y + 10]])
    left, right, up, down = project(cross, picture_from_tray)
    return float(np.hypot(*(right - left)) + np.hypot(*(down - up))) / 40


def _frame(picture: Picture) -> Points:
    height, width = picture.shape[:2]
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64) - 0.5


def _starts(quad: Points, tray_mm: tuple[float, float]) -> list[Homography]:
    """Return maps that lay the tray's rectangle on a quadrilateral, long side on long side.

    For each side that may be the long one a similarity, which holds where a part of the tray is hidden, and
    the homography, which knows of the camera's tilt.
    """
    sides = np.roll(quad, -1, axis=0) - quad
    lengths = np.hypot(*sides.T)
    along, across = (lengths[0] + lengths[2]) / 2, (lengths[1] + lengths[3]) / 2
    found = []
    corners = _corners(tray_mm).astype(np.float32)
    turns = ((sides[0], (along, across), quad), (sides[1], (across, along), np.roll(quad, -1, axis=0)))
    for side, (width, height), laid in turns:
        stretched = width / (tray_mm[0] / tray_mm[1])
        if 0.72 * height < stretched < 1.39 * height:
            scale = float(np.sqrt(width * height / (tray_mm[0] * tray_mm[1])))
            turn = side / np.hypot(*side) * scale
            linear = np.array([[turn[0], -turn[1]], [turn[1], turn[0]]])
            shift = quad.mean(axis=0) - linear @ (np.array(tray_mm) / 2)
            found.append(np.vstack([np.column_stack([linear, shift]), [0, 0, 1]]))
            found.append(cv2.getPerspectiveTransform(corners, laid.astype(np.float32)).astype(np.float64))
    return found


def _turned(picture_from_tray: Homography, tray_mm: tuple[float, float]) -> list[Homography]:
    """Return both ways round that a rectangle can lie."""
    half_turn = np.array([[-1.0, 0, tray_mm[0]], [0, -1, tray_mm[1]], [0, 0, 1]])
    return [picture_from_tray, picture_from_tray @ half_turn]


def _distinct(ranked: list[_Hypothesis], tray_mm: tuple[float, float], least: float) -> list[_Hypothesis]:
    """Return the hypotheses without those whose corners lie within `least` diagonals of a better one's."""
    kept: list[tuple[_Hypothesis, Points]] = []
    for hypothesis in ranked:
        quad = project(_corners(tray_mm), hypothesis.picture_from_tray)
        if not any(
            np.abs(quad - other).max() < least * np.hypot(*(other[2] - other[0])) for _, other in kept
        ):
            kept.append((hypothesis, quad))
    return [hypothesis for hypothesis, _ in kept]


def _corners(tray_mm: tuple[float, float]) -> Points:
    width, height = tray_mm
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)


@lru_cache(maxsize=2)
def _model(calibration: Calibration) -> _Model:
    layout = calibration.layout
    width, height = layout.tray_mm
    rim = _samples(layout, [resample(rounded_rectangle(0, 0, width, height, layout.corner_radius_mm), 10.0)])
    outlines = [resample(compartment.outline_mm, 8.0) for compartment in layout.compartments]
    wells = _samples(layout, outlines)
    which = np.repeat(np.arange(len(outlines)), [len(points) for points, _ in outlines])
    field = gradient(calibration.empty, max(calibration.empty.shape))
    profiles = reference_profiles(field, wells, which, calibration.px_per_mm)
    return _Model(rim, wells, _joined(rim, wells), profiles, layout.tray_mm)


def _samples(layout: Layout, curves: list[tuple[Points, Points]]) -> Samples:
    width, height = layout.tray_mm
    points, normals = (np.concatenate([curve[part] for curve in curves]) for part in (0, 1))
    return Samples(points, normals, np.ones(len(points)), (width / 2, height / 2), max(width, height) / 2)


def _joined(rim: Samples, wells: Samples) -> Samples:
    return Samples(
        np.concatenate([rim.points, wells.points]),
        np.concatenate([rim.normals, wells.normals]),
        np.concatenate([rim.weights, wells.weights]),
        rim.centre_mm,
        rim.radius_mm,
    )


def _in_frame(picture: Picture, picture_from_tray: Homography, layout: Layout) -> float:
    width, height = layout.tray_mm
    outline = rounded_rectangle(0, 0, width, height, layout.corner_radius_mm)
    tray = project(outline, picture_from_tray).astype(np.float32)
    common, _ = cv2.intersectConvexConvex(tray, _frame(picture).astype(np.float32))
    return min(1.0, float(common) / max(abs(float(cv2.contourArea(tray))), 1e-9))
