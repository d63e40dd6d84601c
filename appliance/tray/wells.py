"""Find the wells in the top view of an empty tray: rounded rectangles and circles around smooth floors."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from appliance.picture import Picture
from appliance.tray.curves import rounded_rectangle
from appliance.tray.layout import Points

Floats = npt.NDArray[np.float64]

_TOLERANCE_MM = 1.2
COARSE_MM, FINE_MM = 1.6, 0.5
_LEAST_SIDE_MM, _LARGEST_SHARE = 14.0, 0.55
_CHANCE_SCORE = 0.4
"""Outlines that follow no real edge hardly ever score more."""

_MOST_PER_SEED = 10
_TOUCHING = 0.06
"""Bounding rectangles of neighbouring round corners may overlap by this share."""

_PARALLAX_MM = 14.0
"""How far a floor 30 mm down appears shifted against its opening at the edge of a wide-angle picture."""


@dataclass(frozen=True)
class Shape:
    """A rounded rectangle, or a circle where the radius is half of both sides; all in pixels of the view."""

    x0: float
    y0: float
    x1: float
    y1: float
    radius: float

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return (self.x1 - self.x0) * (self.y1 - self.y0) - (4 - np.pi) * self.radius**2

    @property
    def centre(self) -> tuple[float, float]:
        """Centre."""
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def outline(self) -> Points:
        """Return the closed polygon."""
        return rounded_rectangle(self.x0, self.y0, self.x1, self.y1, self.radius)

    def grown(self, by: float) -> "Shape":
        """Return the shape with every side moved out."""
        return Shape(self.x0 - by, self.y0 - by, self.x1 + by, self.y1 + by, max(0.0, self.radius + by))

    def contains(self, x: float, y: float) -> bool:
        """Whether the bounding rectangle holds a point."""
        return self.x0 < x < self.x1 and self.y0 < y < self.y1


@dataclass(frozen=True)
class Well:
    """An opening and its floor."""

    opening: Shape
    floor: Shape
    score: float


class EdgeView:
    """How clearly an edge of a given direction runs through each pixel of a view, 0..1."""

    def __init__(self, view: Picture, px_per_mm: float) -> None:
        self.px_per_mm = px_per_mm
        lab = cv2.cvtColor(view, cv2.COLOR_BGR2LAB)
        grey = cv2.GaussianBlur(lab, (0, 0), 0.6 * px_per_mm).astype(np.float32)
        dx = cv2.Scharr(grey, cv2.CV_32F, 1, 0, scale=1 / 32)
        dy = cv2.Scharr(grey, cv2.CV_32F, 0, 1, scale=1 / 32)
        strongest = np.argmax(dx**2 + dy**2, axis=2)[..., None]
        gx, gy = (np.take_along_axis(d, strongest, axis=2)[..., 0] for d in (dx, dy))
        size = np.hypot(gx, gy)
        window = int(2 * round(15 * px_per_mm) + 1)
        usual = cv2.blur(size, (window, window))
        reach = 2 * round(_TOLERANCE_MM * px_per_mm) + 1
        scale = 1.5 * usual + 1.0
        self.vertical = np.minimum(cv2.dilate(np.abs(gx) / scale, np.ones((1, reach))), 1.0).astype(
            np.float32
        )
        self.horizontal = np.minimum(cv2.dilate(np.abs(gy) / scale, np.ones((reach, 1))), 1.0).astype(
            np.float32
        )
        # Brushed steel and sensor noise make faint edges everywhere: a plain patch may have them.
        self.plain = cv2.GaussianBlur(size, (0, 0), 0.8 * px_per_mm) < 0.8 * usual + 2.5
        self._down = np.pad(np.cumsum(self.vertical, axis=0, dtype=np.float64), ((1, 0), (0, 0)))
        self._along = np.pad(np.cumsum(self.horizontal, axis=1, dtype=np.float64), ((0, 0), (1, 0)))
        # Directions doubled, so that light-to-dark and dark-to-light are one and can be smoothed together.
        share = 1 / np.maximum(size * (size + 0.6 * usual + 1.0), 1e-6)
        even, odd = share * (gx * gx - gy * gy), share * 2 * gx * gy
        self._fields = {
            blur_mm: tuple(cv2.GaussianBlur(part, (0, 0), blur_mm * px_per_mm) for part in (even, odd))
            for blur_mm in (COARSE_MM, FINE_MM)
        }

    def vertical_sides(
        self, x: npt.NDArray[np.intp], y0: npt.NDArray[np.intp], y1: npt.NDArray[np.intp]
    ) -> Floats:
        """Return the mean presence of an edge along vertical sides."""
        return (self._down[y1, x] - self._down[y0, x]) / np.maximum(y1 - y0, 1)

    def horizontal_sides(
        self, y: npt.NDArray[np.intp], x0: npt.NDArray[np.intp], x1: npt.NDArray[np.intp]
    ) -> Floats:
        """Return the mean presence of an edge along horizontal sides."""
        return (self._along[y, x1] - self._along[y, x0]) / np.maximum(x1 - x0, 1)

    def scores(self, shapes: Floats, blur_mm: float) -> Floats:
        """Return how well edges run along whole outlines, (N, 5) rows of x0, y0, x1, y1, radius; 0..1 each.

        The mean over the worst quarter of an outline: chance agreement has good sides, but not all around.
        """
        points, normals = _outlines(shapes)
        columns = np.clip(np.round(points[..., 0]).astype(np.intp), 0, self.plain.shape[1] - 1)
        rows = np.clip(np.round(points[..., 1]).astype(np.intp), 0, self.plain.shape[0] - 1)
        even, odd = self._fields[blur_mm]
        nx, ny = normals[..., 0], normals[..., 1]
        found = even[rows, columns] * (nx * nx - ny * ny) + odd[rows, columns] * 2 * nx * ny
        smooth = sum(np.roll(found, k, axis=1) for k in (-2, -1, 0, 1, 2)) / 5
        quarter = smooth.shape[1] // 4
        return np.asarray(np.sort(smooth, axis=1)[:, :quarter].mean(axis=1), np.float64)


def _outlines(shapes: Floats) -> tuple[Floats, Floats]:
    """Return points and outward normals evenly around rounded rectangles, (N, 72, 2) each."""
    x0, y0, x1, y1, radius = (column[:, None] for column in shapes.T)
    radius = np.minimum(radius, np.minimum(x1 - x0, y1 - y0) / 2)
    unit = rounded_rectangle(-1, -1, 1, 1, 1.0, per_corner=6)  # a circle: the corners' directions
    signs = np.repeat([[-1, -1], [1, -1], [1, 1], [-1, 1]], 6, axis=0)
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    corner_x = cx + signs[:, 0] * ((x1 - x0) / 2 - radius) + radius * unit[:, 0]
    corner_y = cy + signs[:, 1] * ((y1 - y0) / 2 - radius) + radius * unit[:, 1]
    parts = [(corner_x, corner_y, unit[:, 0] + 0 * corner_x, unit[:, 1] + 0 * corner_x)]
    t = (np.arange(12) + 0.5) / 12
    across = x0 + radius + (x1 - x0 - 2 * radius) * t
    down = y0 + radius + (y1 - y0 - 2 * radius) * t
    zero, one = 0 * across, 0 * across + 1
    # In order around: top, right, bottom and left sides each follow their corner.
    ring = [
        (across, y0 + zero, zero, -one),
        (x1 + zero, down, one, zero),
        (across[:, ::-1], y1 + zero, zero, one),
        (x0 + zero, down[:, ::-1], -one, zero),
    ]
    sections = []
    for i, side in enumerate(ring):
        sections += [tuple(array[:, 6 * i : 6 * i + 6] for array in parts[0]), side]
    xs, ys, nx, ny = (np.concatenate([section[k] for section in sections], axis=1) for k in range(4))
    return np.stack([xs, ys], axis=-1), np.stack([nx, ny], axis=-1)


def find_wells(view: Picture, px_per_mm: float) -> list[Well]:
    """Return the wells of an empty tray's top view (H, W, 3), whose border is the tray's rim; unordered."""
    edges = EdgeView(view, px_per_mm)
    pool: list[tuple[float, Shape]] = []
    for seed in seeds(edges):
        pool += shapes_around(edges, seed)
    rough = _distinct(pool, 3 * px_per_mm, 0.15)
    pool = [_refined(edges, shape) for _, shape in rough]
    area = float(view.shape[0] * view.shape[1])
    openings = choose(pool, px_per_mm, area)
    wells = _like_the_others(edges, [opening for _, opening in openings]) if openings else []
    return [Well(opening, floor_within(edges, opening), score) for score, opening in wells]


def _polished(edges: EdgeView, shape: Shape, moves_mm: tuple[float, ...]) -> list[tuple[float, Shape]]:
    """Return the clearest outlines near a shape: every side moved out by every amount, several radii."""
    moves = np.stack(np.meshgrid(*[moves_mm] * 4, indexing="ij"), axis=-1).reshape(-1, 4) * edges.px_per_mm
    boxes = np.array([shape.x0, shape.y0, shape.x1, shape.y1]) + moves * [-1, -1, 1, 1]
    short = np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    trials = np.concatenate([np.column_stack([boxes, share * short]) for share in (0.1, 0.2, 0.3, 0.4, 0.5)])
    trials = trials[np.tile(short, 5) > _LEAST_SIDE_MM * edges.px_per_mm]
    scores = edges.scores(trials, COARSE_MM)
    starts = [Shape(*map(float, trials[i])) for i in np.argsort(-scores)[:8]]
    return [_refined(edges, start) for start in [*starts, shape]]


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
    return _shapes_between(edges, inner, Shape(2, 2, width - 2, height - 2, 0), 12)


def floor_within(edges: EdgeView, opening: Shape) -> Shape:
    """Return the floor of a well: the clearest outline inside its opening and about concentric with it."""
    (cx, cy), px = opening.centre, edges.px_per_mm
    near_x, near_y = 0.07 * (opening.x1 - opening.x0), 0.07 * (opening.y1 - opening.y0)
    inner = Shape(cx - near_x, cy - near_y, cx + near_x, cy + near_y, 0)
    within = opening.grown(-4 * px)
    found = [_refined(edges, shape) for _, shape in _shapes_between(edges, inner, within, 12)]
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
    return best[1] if best[0] > _CHANCE_SCORE - 0.15 else _usual_floor(opening)


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
    left, right = _peaks(across, ox0, ix0, peaks), _peaks(across, ix1, ox1, peaks)
    top, bottom = _peaks(down, oy0, iy0, peaks), _peaks(down, iy1, oy1, peaks)
    if not all(map(len, (left, right, top, bottom))):
        return []
    x0, x1, y0, y1 = (grid.ravel() for grid in np.meshgrid(left, right, top, bottom, indexing="ij"))
    short = np.minimum(x1 - x0, y1 - y0)
    sensible = (short > _LEAST_SIDE_MM * px) & (x1 - x0 < _LARGEST_SHARE * width * 1.1)
    sensible &= (y1 - y0) < 0.97 * height
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
        if not any(_alike(rough, other, 3 * px) for _, other in found):
            found.append((float(scores[i]), rough))
    return found


def _peaks(profile: npt.NDArray[np.float32], start: int, stop: int, most: int) -> npt.NDArray[np.intp]:
    """Return where the strongest local maxima of profile[start:stop] lie."""
    start, stop = max(start, 1), min(stop, len(profile) - 1)
    if stop <= start:
        return np.zeros(0, np.intp)
    at = np.arange(start, stop)
    here = profile[at]
    peak = (here >= profile[at - 1]) & (here > profile[at + 1]) & (here > 0.3)
    at = at[peak]
    return np.asarray(at[np.argsort(-profile[at])][:most], np.intp)


def _refined(edges: EdgeView, shape: Shape) -> tuple[float, Shape]:
    """Move sides and radius, one at a time, while the score rises (coordinate ascent)."""
    best = np.array([shape.x0, shape.y0, shape.x1, shape.y1, shape.radius])
    for step, blur_mm in ((2.0, COARSE_MM), (1.0, COARSE_MM), (1.0, FINE_MM), (0.5, FINE_MM)):
        score = float(edges.scores(best[None], blur_mm)[0])
        moves = np.concatenate([np.eye(5), -np.eye(5)]) * step * edges.px_per_mm
        for _ in range(8):
            trials = best + moves
            limits = np.minimum(trials[:, 2] - trials[:, 0], trials[:, 3] - trials[:, 1]) / 2
            trials[:, 4] = np.clip(trials[:, 4], 0, limits)
            values = edges.scores(trials, blur_mm)
            winner = int(values.argmax())
            if values[winner] <= score:
                break
            best, score = trials[winner], float(values[winner])
    return score, Shape(*map(float, best))


def _alike(one: Shape, other: Shape, px: float) -> bool:
    return all(abs(getattr(one, f) - getattr(other, f)) < px for f in ("x0", "y0", "x1", "y1"))


def choose(pool: list[tuple[float, Shape]], px_per_mm: float, tray_area: float) -> list[tuple[float, Shape]]:
    """Choose the openings: shapes, with their scores, that do not overlap.

    Of all such sets the one with the longest and clearest outlines is taken; an outline explains the
    concentric one inside it too, its floor. The set is searched greedily from every start.
    """
    shapes = _distinct(pool, 3 * px_per_mm, _CHANCE_SCORE)
    own = [(score - _CHANCE_SCORE) * shape.area**0.5 for score, shape in shapes]
    values = [
        own[i] + max((own[j] for j in _floors_of(shape, shapes, px_per_mm)), default=0.0)
        if shape.area < _LARGEST_SHARE * tray_area and not _spans_several(shapes[i], shapes, px_per_mm)
        else 0.0
        for i, (_, shape) in enumerate(shapes)
    ]
    order = [i for i in np.argsort(-np.array(values)) if values[i] > 0]
    overlap = {(i, j): _overlap(shapes[i][1], shapes[j][1]) for i in order for j in order}
    best: list[int] = []
    for first in order[:40]:
        chosen = [first]
        for i in order:
            if all(overlap[i, j] < _TOUCHING for j in chosen):
                chosen.append(i)
        if sum(values[i] for i in chosen) > sum(values[i] for i in best):
            best = chosen
    return [_clearest_alike(i, best, shapes, overlap) for i in best]


def _clearest_alike(
    chosen: int, best: list[int], shapes: list[tuple[float, Shape]], overlap: dict[tuple[int, int], float]
) -> tuple[float, Shape]:
    """Return the best scored of the shapes that cover nearly the same."""
    _, shape = shapes[chosen]
    others = [j for j in best if j != chosen]
    alike = [
        i
        for i, j in overlap
        if j == chosen
        and overlap[i, j] > 0.9
        and shapes[i][1].area > 0.72 * shape.area
        and all(overlap[i, k] < _TOUCHING for k in others)
    ]
    return shapes[max(alike, key=lambda i: shapes[i][0])]


def _distinct(pool: list[tuple[float, Shape]], px: float, least: float) -> list[tuple[float, Shape]]:
    kept: list[tuple[float, Shape]] = []
    for score, shape in sorted(pool, key=lambda scored: -scored[0]):
        if score < least:
            break
        if not any(_alike(shape, other, px) for _, other in kept):
            kept.append((score, shape))
    return kept


def _floors_of(opening: Shape, shapes: list[tuple[float, Shape]], px_per_mm: float) -> list[int]:
    """Return which shapes lie well inside an opening and about concentric with it."""
    (cx, cy), inside = opening.centre, opening.grown(-4 * px_per_mm)
    return [
        i
        for i, (_, s) in enumerate(shapes)
        if inside.contains(s.x0, s.y0)
        and inside.contains(s.x1, s.y1)
        and max(abs(s.centre[0] - cx), abs(s.centre[1] - cy)) < _PARALLAX_MM * px_per_mm
        and s.area > 0.1 * opening.area
    ]


def _spans_several(scored: tuple[float, Shape], shapes: list[tuple[float, Shape]], px_per_mm: float) -> bool:
    """Whether a shape holds a clearer one away from its centre: then it runs around several wells."""
    score, outer = scored
    (cx, cy), around = outer.centre, outer.grown(2 * px_per_mm)
    return any(
        other >= score
        and around.contains(s.x0, s.y0)
        and around.contains(s.x1, s.y1)
        and max(abs(s.centre[0] - cx), abs(s.centre[1] - cy)) > _PARALLAX_MM * px_per_mm
        and s.area > 0.08 * outer.area
        for other, s in shapes
    )


def _usual_floor(opening: Shape) -> Shape:
    """Return the floor of a well whose own cannot be told, tapered as is common."""
    inset = 0.15 * min(opening.x1 - opening.x0, opening.y1 - opening.y0)
    return opening.grown(-inset)


def _overlap(one: Shape, other: Shape) -> float:
    """Return the common share of the smaller bounding rectangle."""
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / min((s.x1 - s.x0) * (s.y1 - s.y0) for s in (one, other))
