"""Find the wells in the top view of an empty tray: rounded rectangles and circles around smooth floors."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from appliance.picture import Picture
from appliance.tray.choose import CHANCE_SCORE, choose, distinct
from appliance.tray.edge_view import BEND_MM, COARSE_MM, FINE_MM, EdgeView
from appliance.tray.shape import Shape

_LEAST_SIDE_MM = 14.0
_MOST_PER_SEED = 16
_APART_MM = 1.5
_WALLS_MM = 8.0, 13.0, 18.0, 23.0
"""How wide sloping walls look from above."""

_FAINTEST = 0.3


@dataclass(frozen=True)
class Well:
    """An opening and its floor."""

    opening: Shape
    floor: Shape
    score: float


def find_wells(view: Picture, px_per_mm: float) -> list[Well]:
    """Return the wells of an empty tray's top view (H, W, 3), whose border is the tray's rim; unordered."""
    edges = EdgeView(view, px_per_mm)
    pool: list[tuple[float, Shape]] = []
    for seed in seeds(edges):
        pool += shapes_around(edges, seed)
    size = view.shape[1], view.shape[0]
    pool = _refined(edges, [shape for _, shape in distinct(pool, 3 * px_per_mm, 0.15)])
    chosen = choose(pool, px_per_mm, size)
    pool += _refined(edges, _regular([shape for _, shape in chosen], size, px_per_mm))
    openings = choose(pool, px_per_mm, size)
    wells = _like_the_others(edges, [opening for _, opening in openings]) if openings else []
    return [Well(opening, floor_within(edges, opening), score) for score, opening in wells]


def _regular(chosen: list[Shape], size: tuple[float, float], px_per_mm: float) -> list[Shape]:
    """Return where wells would lie if the tray were symmetric, wells in a row alike, and these but floors."""
    width, height = size
    wells = [
        mirrored
        for s in chosen
        for mirrored in (
            Shape(width - s.x1, s.y0, width - s.x0, s.y1, s.radius),
            Shape(s.x0, height - s.y1, s.x1, height - s.y0, s.radius),
        )
    ]
    wells += [s.grown(wall * px_per_mm) for s in chosen for wall in _WALLS_MM]
    for one in chosen:
        for other in chosen:
            if min(one.y1, other.y1) > max(one.y0, other.y0):
                wells.append(Shape(one.x0, other.y0, one.x1, other.y1, other.radius))
            if min(one.x1, other.x1) > max(one.x0, other.x0):
                wells.append(Shape(other.x0, one.y0, other.x1, one.y1, other.radius))
    return wells


def _polished(edges: EdgeView, shape: Shape, moves_mm: tuple[float, ...]) -> list[tuple[float, Shape]]:
    """Return the clearest outlines near a shape: every side moved out by every amount, several radii."""
    moves = np.stack(np.meshgrid(*[moves_mm] * 4, indexing="ij"), axis=-1).reshape(-1, 4) * edges.px_per_mm
    boxes = np.array([shape.x0, shape.y0, shape.x1, shape.y1]) + moves * [-1, -1, 1, 1]
    short = np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    trials = np.concatenate([np.column_stack([boxes, share * short]) for share in (0.1, 0.2, 0.3, 0.4, 0.5)])
    trials = trials[np.tile(short, 5) > _LEAST_SIDE_MM * edges.px_per_mm]
    scores = edges.scores(trials, COARSE_MM)
    starts = [Shape(*map(float, trials[i])) for i in np.argsort(-scores)[:8]]
    return _refined(edges, [*starts, shape])


def _like_the_others(edges: EdgeView, openings: list[Shape]) -> list[tuple[float, Shape]]:
    """Return the clearest outline near each opening, rounded like the others where that is in doubt."""
    near = [_polished(edges, opening, (-8.0, -4.0, 0.0, 4.0)) for opening in openings]
    usual = float(np.median([max(found, key=lambda scored: scored[0])[1].radius for found in near]))
    return [
        max(found, key=lambda scored: scored[0] - 0.2 * abs(scored[1].radius - usual) / max(usual, 1.0))
        for found in near
    ]


def seeds(edges: EdgeView) -> list[tuple[int, int, float]]:
    """Return (x, y, radius) of the widest edge-free circles, none inside another."""
    plain = edges.plain.astype(np.uint8)
    plain[[0, -1]] = 0
    plain[:, [0, -1]] = 0
    distance = cv2.distanceTransform(plain, cv2.DIST_L2, 5)
    found: list[tuple[int, int, float]] = []
    while len(found) < 30:
        _, radius, _, (x, y) = cv2.minMaxLoc(distance)
        if radius < 4.5 * edges.px_per_mm:
            break
        found.append((x, y, float(radius)))
        cv2.circle(distance, (x, y), round(1.4 * radius), 0, -1)
    return found


def shapes_around(edges: EdgeView, seed: tuple[int, int, float]) -> list[tuple[float, Shape]]:
    """Return roughly fitted shapes around a seed, with their scores."""
    height, width = edges.plain.shape
    x, y, radius = seed
    near = round(0.6 * radius)
    inner = Shape(x - near, y - near, x + near, y + near, 0)
    return _shapes_between(edges, inner, Shape(2, 2, width - 2, height - 2, 0), 18)


def floor_within(edges: EdgeView, opening: Shape) -> Shape:
    """Return the floor of a well: the clearest outline inside its opening and about concentric with it."""
    (cx, cy), px = opening.centre, edges.px_per_mm
    near_x, near_y = 0.07 * (opening.x1 - opening.x0), 0.07 * (opening.y1 - opening.y0)
    inner = Shape(cx - near_x, cy - near_y, cx + near_x, cy + near_y, 0)
    within = opening.grown(-4 * px)
    found = _refined(edges, [shape for _, shape in _shapes_between(edges, inner, within, 12)])
    if found:
        found += _polished(edges, max(found, key=lambda scored: scored[0])[1], (-3.0, 0.0, 3.0))
    best = max(
        (
            (score - 0.25 * _unevenness(opening, shape), shape)
            for score, shape in found
            if 0.1 * opening.area < shape.area < 0.92 * opening.area
            and within.contains(shape.x0, shape.y0)
            and within.contains(shape.x1, shape.y1)
        ),
        key=lambda scored: scored[0],
        default=(0.0, opening),
    )
    return best[1] if best[0] > CHANCE_SCORE - 0.15 else _usual_floor(opening)


def _unevenness(opening: Shape, floor: Shape) -> float:
    """Return how differently wide the walls of a well appear, 0 if alike: the camera sees some steeper."""
    walls = [floor.x0 - opening.x0, opening.x1 - floor.x1, floor.y0 - opening.y0, opening.y1 - floor.y1]
    return float(np.std(walls) / max(float(np.mean(walls)), 1.0))


def _shapes_between(edges: EdgeView, inner: Shape, outer: Shape, peaks: int) -> list[tuple[float, Shape]]:
    """Return scored shapes that hold `inner` and lie within `outer`, the best of each size."""
    px = edges.px_per_mm
    height, width = edges.plain.shape
    ix0, iy0, ix1, iy1, ox0, oy0, ox1, oy1 = (
        round(v) for s in (inner, outer) for v in (s.x0, s.y0, s.x1, s.y1)
    )
    across = edges.vertical[max(0, iy0) : iy1 + 1].mean(axis=0)
    down = edges.horizontal[:, max(0, ix0) : ix1 + 1].mean(axis=1)
    left, right = _peaks(across, ox0, ix0, peaks, px), _peaks(across, ix1, ox1, peaks, px)
    top, bottom = _peaks(down, oy0, iy0, peaks, px), _peaks(down, iy1, oy1, peaks, px)
    if not all(map(len, (left, right, top, bottom))):
        return []
    x0, x1, y0, y1 = (grid.ravel() for grid in np.meshgrid(left, right, top, bottom, indexing="ij"))
    short = np.minimum(x1 - x0, y1 - y0)
    sensible = (short > _LEAST_SIDE_MM * px) & (x1 - x0 < 0.97 * width) & (y1 - y0 < 0.97 * height)
    x0, x1, y0, y1, short = (a[sensible] for a in (x0, x1, y0, y1, short))
    if not len(x0):
        return []
    inset = (0.22 * short).astype(np.intp)
    sides = np.stack(
        [
            edges.vertical_sides(x0, y0 + inset, y1 - inset),
            edges.vertical_sides(x1, y0 + inset, y1 - inset),
            edges.horizontal_sides(y0, x0 + inset, x1 - inset),
            edges.horizontal_sides(y1, x0 + inset, x1 - inset),
        ]
    )
    quick = 0.5 * sides.min(axis=0) + 0.5 * sides.mean(axis=0)
    order = np.argsort(-quick)[:500]
    boxes = np.stack([x0, y0, x1, y1], axis=1)[order].astype(np.float64)
    shares = np.array([0.06, 0.14, 0.22, 0.3, 0.4, 0.5])
    radii = shares * short[order][:, None]
    rounded = np.concatenate([np.repeat(boxes, len(shares), axis=0), radii.reshape(-1, 1)], axis=1)
    scores = edges.scores(rounded, COARSE_MM)
    found: list[tuple[float, Shape]] = []
    for i in np.argsort(-scores):
        if scores[i] < 0.15 or len(found) >= _MOST_PER_SEED:
            break
        rough = Shape(*map(float, rounded[i]))
        if not any(rough.alike(other, 3 * px) for _, other in found):
            found.append((float(scores[i]), rough))
    return found


def _peaks(
    profile: npt.NDArray[np.float32], start: int, stop: int, most: int, px_per_mm: float
) -> npt.NDArray[np.intp]:
    """Return where the strongest local maxima of profile[start:stop] lie, at least `_APART_MM` apart."""
    start, stop = max(start, 1), min(stop, len(profile) - 1)
    if stop <= start:
        return np.zeros(0, np.intp)
    reach = max(1, round(_APART_MM * px_per_mm))
    highest = cv2.dilate(profile[None], np.ones((1, 2 * reach + 1)))[0]
    at = np.arange(start, stop)
    at = at[(profile[at] >= highest[at]) & (profile[at] > _FAINTEST)]
    # A plateau is one peak.
    at = at[np.diff(at, prepend=-reach) >= reach]
    return np.asarray(at[np.argsort(-profile[at])][:most], np.intp)


def _refined(edges: EdgeView, shapes: Sequence[Shape]) -> list[tuple[float, Shape]]:
    """Move sides and radius of each shape, one at a time, while its score rises (coordinate ascent)."""
    if not shapes:
        return []
    best = np.array([(shape.x0, shape.y0, shape.x1, shape.y1, shape.radius) for shape in shapes])
    for step, blur_mm in ((2.0, COARSE_MM), (1.0, COARSE_MM), (1.0, FINE_MM), (0.5, FINE_MM), (0.5, BEND_MM)):
        score = edges.fits(best, blur_mm)
        moves = np.concatenate([np.eye(5), -np.eye(5)]) * step * edges.px_per_mm
        rising = np.arange(len(best))
        for _ in range(8):
            trials = best[rising, None] + moves
            limits = np.minimum(trials[..., 2] - trials[..., 0], trials[..., 3] - trials[..., 1]) / 2
            trials[..., 4] = np.clip(trials[..., 4], 0, limits)
            values = edges.fits(trials.reshape(-1, 5), blur_mm).reshape(trials.shape[:2])
            winner = values.argmax(axis=1)
            highest = np.take_along_axis(values, winner[:, None], axis=1)[:, 0]
            better = highest > score[rising]
            rising = rising[better]
            if not len(rising):
                break
            best[rising], score[rising] = trials[better, winner[better]], highest[better]
    scores = edges.scores(best, FINE_MM)
    return [(float(score), Shape(*map(float, row))) for score, row in zip(scores, best, strict=True)]


def _usual_floor(opening: Shape) -> Shape:
    """Return the floor of a well whose own cannot be told, tapered as is common."""
    inset = 0.15 * min(opening.x1 - opening.x0, opening.y1 - opening.y0)
    return opening.grown(-inset)
