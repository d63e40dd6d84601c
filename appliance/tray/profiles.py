"""Precise alignment: cross sections of a layout's edges, compared with those of the empty reference.

An opening is no single edge but a bend, often with several edges side by side; which is strongest depends on
the light. Their pattern across the bend stays: each sample looks for where it correlates best
(normalised cross-correlation, as in Cootes et al., "Active shape models", CVIU 1995, section 4).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from appliance.tray.align import Samples, moved_along_normals, projected_normals
from appliance.tray.gradient import Gradient, along_normals
from appliance.tray.layout import Points
from appliance.tray.rectify import Homography, project

STEP_MM = 0.7
HALF_MM = 8.0
"""Half the width of a cross section: the whole bend from deck to wall fits in."""

_OWN_SHARE = 0.5
"""Lamps shine from elsewhere on a turned tray: half of what is sought is the mean of the whole outline."""
_LEAST_MATCH = 0.3
_NOISE = 1.5
"""Grey levels per pixel over a whole cross section that say nothing."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Profiles:
    """Cross sections sought, one per sample, zero mean and unit length, (N, K) with `STEP_MM` between."""

    sought: Floats


def reference_profiles(
    field: Gradient, samples: Samples, outline: npt.NDArray[np.intp], px_per_mm: float
) -> Profiles:
    """Return the cross sections of a rectified reference; `outline` (N,) numbers each sample's outline."""
    reference_from_tray = np.diag([px_per_mm * field.scale, px_per_mm * field.scale, 1.0])
    projected = projected_normals(samples, reference_from_tray)
    local = _px_per_mm_along_normals(samples, reference_from_tray, projected)
    own = _normalised(_cross_sections(field, projected, local, 0.0))
    means = np.stack([own[outline == which].mean(axis=0) for which in range(outline.max() + 1)])
    return Profiles(_normalised(_OWN_SHARE * own + (1 - _OWN_SHARE) * means[outline]))


def match(
    field: Gradient,
    samples: Samples,
    profiles: Profiles,
    homography: Homography,
    *,
    reach_mm: float,
    freedom: int,
) -> Homography:
    """Return `homography` (tray mm to the gradient's pixels) moved to where cross sections agree best."""
    projected = projected_normals(samples, homography)
    local = _px_per_mm_along_normals(samples, homography, projected)
    found, shifts_mm = _matches(field, profiles, projected, local, reach_mm)
    preferred = found * np.exp(-0.5 * (shifts_mm / (0.8 * reach_mm)) ** 2)
    each, best = np.arange(len(found)), preferred.argmax(axis=1)
    inner = np.clip(best, 1, len(shifts_mm) - 2)
    before, at, after = (found[each, inner + k] for k in (-1, 0, 1))
    bend = np.minimum(before - 2 * at + after, -1e-6)
    # The peak of the parabola through three samples tells the shift to a fraction of a step.
    fraction = np.where(inner == best, np.clip(0.5 * (before - after) / bend, -0.5, 0.5), 0.0)
    shift_mm = shifts_mm[best] + fraction * STEP_MM
    trust = found[each, best]
    weights = np.where(trust > _LEAST_MATCH, trust**2, 0.0) * samples.weights
    return moved_along_normals(samples, homography, projected, shift_mm * local, weights, freedom=freedom)


def agreement(field: Gradient, samples: Samples, profiles: Profiles, homography: Homography) -> float:
    """Return how well cross sections in view agree within 1 mm of the samples, -1..1."""
    projected = projected_normals(samples, homography)
    points, _ = projected
    found, _ = _matches(
        field, profiles, projected, _px_per_mm_along_normals(samples, homography, projected), 1.0
    )
    width, height = field.size
    inside = (points > 1).all(axis=1) & (points[:, 0] < width - 2) & (points[:, 1] < height - 2)
    return float(found.max(axis=1)[inside].mean()) if inside.mean() > 0.5 else 0.0


def _matches(
    field: Gradient, profiles: Profiles, projected: tuple[Points, Points], local: Floats, reach_mm: float
) -> tuple[Floats, Floats]:
    """Return the correlation at every shift (N, S) and the shifts (S,) in mm."""
    seen = _cross_sections(field, projected, local, reach_mm)
    width = profiles.sought.shape[1]
    windows = np.lib.stride_tricks.sliding_window_view(seen, width, axis=1)
    totals = np.pad(np.cumsum([seen, seen * seen], axis=2), ((0, 0), (0, 0), (1, 0)))
    sums, squares = totals[:, :, width:] - totals[:, :, :-width]
    spread = np.sqrt(np.maximum(squares - sums * sums / width, 1e-6))
    # `sought` has zero mean: the windows' own need not be taken off.
    found = np.einsum("nsk,nk->ns", windows, profiles.sought) / (spread + _NOISE)
    steps = found.shape[1] // 2
    return found, np.arange(-steps, steps + 1) * STEP_MM


def _cross_sections(
    field: Gradient, projected: tuple[Points, Points], local: Floats, reach_mm: float
) -> Floats:
    half = round(HALF_MM / STEP_MM) + round(reach_mm / STEP_MM)
    offsets_mm = np.asarray(np.arange(-half, half + 1) * STEP_MM, np.float64)
    points, normals = projected
    across = along_normals(field, points, normals * local[:, None], offsets_mm).astype(np.float64)
    # The root keeps one bright reflection from outweighing every other edge of the bend.
    return np.asarray(np.sqrt(across / local[:, None]), np.float64)


def _px_per_mm_along_normals(
    samples: Samples, homography: Homography, projected: tuple[Points, Points]
) -> Floats:
    points, normals = projected
    ahead = project(samples.points + samples.normals, homography)
    return np.asarray(np.abs(((ahead - points) * normals).sum(axis=1)).clip(1e-3), np.float64)


def _normalised(sections: Floats) -> Floats:
    centred = sections - sections.mean(axis=1, keepdims=True)
    return np.asarray(centred / (np.linalg.norm(centred, axis=1, keepdims=True) + 1e-6), np.float64)
