"""The volume of a liquid from where its surface meets the wall of a tapered well.

A still liquid is level, so its outline follows one level of the well's wall, and that level gives the volume.
The outline is looked for in every direction from the well's middle, and one level is fitted to all of them:
lamps mirrored in the surface, things that float in it, spoons across it and sauce on the wall above it
disturb some directions, not most. Seen at an angle, the outline lies off by a little to one side, which is
fitted along (a first harmonic around the well) and does not count.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from appliance.estimate.appearance import Floats
from appliance.estimate.profile import Mask, WellProfile

Table = npt.NDArray[np.float64]

SECTORS = 36
_WALL_BINS, _FLOOR_BINS = 40, 16
_BINS = _WALL_BINS + _FLOOR_BINS
_ODDS_LIMIT = 5.0
_BARE_ODDS = (-5.0, -1.5)
"""How low bare steel may count while outlines are looked for. At the second, the step from a film of sauce on
the wall to the bare wall above it does not outweigh the step from the liquid to that film; at the first,
lamps mirrored in the liquid do not pass for its end."""

_INSIDE, _STEP = 0.5, 2.0
"""Mean log odds that the inside of an outline must have, and how much lower they must be outside."""

_MIN_SECTORS = 9
_NO_LINE_ERROR = 0.1
_OUTLIER_LEVEL = 0.2
_LEANING_PENALTY = 4.0


@dataclass(frozen=True, eq=False)
class WallMap:
    """Which pixels lie in which direction and at which level, on a well's crop.

    `cell` indexes (sector, bin), -1 for none; the first bins of a sector lie on the floor, at negative levels
    in units of the wall's width. `angle` is the direction from the well's middle in radians.
    """

    cell: npt.NDArray[np.intp]
    angle: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Waterline:
    """A fitted level 0..1 (0: at most the floor is wet), its standard error, and how far it may be believed.

    `lean` is the first harmonic (cosine, sine) of the outline around the well. `sectors` 0..1 is the share of
    directions that show an outline, `spread` the median distance of their levels from the fit.
    """

    level: float
    error: float
    lean: tuple[float, float] = (0.0, 0.0)
    sectors: float = 0.0
    spread: float = 0.0


def wall_map(profile: WellProfile) -> WallMap:
    """Return the unrolled wall of a well, seen from the middle of its opening."""
    rows, columns = np.nonzero(profile.opening)
    y, x = np.indices(profile.opening.shape, dtype=np.float64)
    angle = np.arctan2(rows.mean() - y, columns.mean() - x) + np.pi
    sector = (angle / (2 * np.pi) * SECTORS).astype(np.intp) % SECTORS
    to_floor = cv2.distanceTransform((~profile.floor).astype(np.uint8), cv2.DIST_L2, 5)
    to_deck = cv2.distanceTransform(profile.opening.astype(np.uint8), cv2.DIST_L2, 5)
    wall = profile.opening & ~profile.floor
    width_px = max(float(np.median((to_floor + to_deck)[wall])) if wall.any() else 1.0, 1.0)
    to_wall = cv2.distanceTransform(profile.floor.astype(np.uint8), cv2.DIST_L2, 5)
    signed = np.where(profile.floor, -to_wall / width_px, profile.level)
    bins = np.floor(signed * _WALL_BINS).astype(np.intp) + _FLOOR_BINS
    inside = profile.opening & (bins >= 0) & (bins < _BINS)
    return WallMap(np.where(inside, sector * _BINS + bins, -1), angle.astype(np.float32))


def fit_waterline(odds: Floats, known: Mask, wall: WallMap) -> Waterline:
    """Return the level at which a liquid with these log odds per pixel ends.

    `known` marks pixels that count. Each direction takes the outline that best splits its odds in two, and
    votes if the inside is food and the outside much less so. That is done with and without regard for a film
    on the wall, and the more level of both outlines counts. Too few votes mean that no liquid stands on the
    wall: level 0.
    """
    cells = np.where(known, wall.cell, -1)
    use = cells >= 0
    size = SECTORS * _BINS
    counts = np.bincount(cells[use], minlength=size)
    sums = np.bincount(cells[use], weights=np.clip(odds[use], -_ODDS_LIMIT, _ODDS_LIMIT), minlength=size)
    seen = (counts > 0).reshape(SECTORS, _BINS).astype(np.float64)
    mean = (sums / np.maximum(counts, 1)).reshape(SECTORS, _BINS)
    lines = [_voted_line(*_best_splits(mean, seen, bare)) for bare in _BARE_ODDS]
    return min(lines, key=lambda line: line.error)


def _voted_line(levels: Table, inside: Table, drop: Table) -> Waterline:
    votes = (inside > _INSIDE) & (drop > _STEP)
    if np.count_nonzero(votes) < _MIN_SECTORS:
        return Waterline(0.0, _NO_LINE_ERROR, sectors=float(votes.mean()))
    angles = (np.arange(SECTORS)[votes] + 0.5) / SECTORS * 2 * np.pi
    return _robust_level(levels[votes], angles, np.clip(drop[votes], 0, 6))


def below_waterline(line: Waterline, wall: WallMap, profile: WellProfile) -> Mask:
    """Return the pixels of the well that a fitted liquid covers."""
    outline = line.level + line.lean[0] * np.cos(wall.angle) + line.lean[1] * np.sin(wall.angle)
    return np.asarray(profile.opening & (profile.level <= outline), np.bool_)


def _best_splits(mean: Table, seen: Table, bare: float) -> tuple[Table, Table, Table]:
    """Return per sector the level of the split with the largest variance between its sides, and those sides.

    The sides are the mean odds inside, and how much lower they are outside.

    N. Otsu, "A Threshold Selection Method from Gray-Level Histograms", IEEE Trans. SMC 9, 1979.
    """
    below, above = _both_sides(np.maximum(mean, bare), seen)
    count = np.cumsum(seen, axis=1)
    gain = np.where(below > above, count * (count[:, -1:] - count) * (below - above) ** 2, 0.0)
    gain[:, :3] = gain[:, -2:] = 0.0
    split = gain.argmax(axis=1)
    rows = np.arange(len(split))
    inside, outside = (side[rows, split] for side in _both_sides(mean, seen))
    return (split + 1 - _FLOOR_BINS) / _WALL_BINS, inside, inside - outside


def _both_sides(mean: Table, seen: Table) -> tuple[Table, Table]:
    """Return for a split after every bin the mean of the bins up to it and of those beyond it."""
    count, total = np.cumsum(seen, axis=1), np.cumsum(mean * seen, axis=1)
    beyond = count[:, -1:] - count
    return total / np.maximum(count, 1), (total[:, -1:] - total) / np.maximum(beyond, 1)


def _robust_level(levels: Table, angles: Table, weights: Table) -> Waterline:
    """Fit level + first harmonic by iteratively reweighted least squares with Tukey's biweight."""
    design = np.stack([np.ones_like(angles), np.cos(angles), np.sin(angles)], axis=1)
    penalty = np.diag([0.0, _LEANING_PENALTY, _LEANING_PENALTY])
    fit = np.array([np.median(levels), 0.0, 0.0])
    trust = weights
    for _ in range(8):
        distance = np.abs(levels - design @ fit) / _OUTLIER_LEVEL
        trust = weights * np.clip(1 - distance**2, 0.01, 1.0) ** 2
        weighted = design * trust[:, None]
        fit = np.linalg.solve(design.T @ weighted + penalty, weighted.T @ levels)
    residual = np.abs(levels - design @ fit)
    spread = float(np.median(residual))
    effective = float(trust.sum() ** 2 / np.maximum((trust**2).sum(), 1e-9))
    return Waterline(
        level=float(np.clip(fit[0], 0.0, 1.0)),
        error=float(1.5 * spread / np.sqrt(max(effective, 1.0)) + 0.01),
        lean=(float(fit[1]), float(fit[2])),
        sectors=len(levels) / SECTORS,
        spread=spread,
    )
