"""Sub-pixel alignment of a tray's curves with the edges of a picture.

The classical edge tracker: every curve sample looks for edges along its normal, and a weighted least-squares
step moves all of them together (Drummond and Cipolla, "Real-time visual tracking of complex structures", PAMI
2002, section 3), with the search narrowing and the freedom growing from a similarity to a full homography.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from appliance.tray.gradient import Gradient, along_normals
from appliance.tray.layout import Points
from appliance.tray.rectify import Homography, project

SIMILARITY, AFFINE, PROJECTIVE = 4, 6, 8
"""Degrees of freedom of a step."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Curve samples in tray millimetres (N, 2), their unit normals (N, 2) and weights (N,)."""

    points: Points
    normals: Points
    weights: npt.NDArray[np.float64]
    centre_mm: tuple[float, float]
    radius_mm: float

    @cached_property
    def centred(self) -> Homography:
        """Map tray mm to about -1..1: the freedoms then have like effects, which damping needs."""
        (x, y), r = self.centre_mm, self.radius_mm
        return np.array([[1 / r, 0, -x / r], [0, 1 / r, -y / r], [0, 0, 1]])

    @cached_property
    def from_centred(self) -> Homography:
        """Map about -1..1 to tray mm."""
        (x, y), r = self.centre_mm, self.radius_mm
        return np.array([[r, 0, x], [0, r, y], [0, 0, 1]])

    @cached_property
    def centred_points(self) -> Points:
        """The samples in about -1..1, (N, 2)."""
        return project(self.points, self.centred)


def projected_normals(samples: Samples, homography: Homography) -> tuple[Points, Points]:
    """Return the samples and their unit normals in the picture, (N, 2) each."""
    points = project(samples.points, homography)
    # A curve's normal maps like a line, not like a point: turn the projected tangent instead.
    ahead_x, ahead_y, fading = homography[:, :2] @ (-samples.normals[:, 1], samples.normals[:, 0])
    turned = np.stack([ahead_y - points[:, 1] * fading, points[:, 0] * fading - ahead_x], axis=1)
    return points, turned / np.maximum(np.hypot(*turned.T), 1e-9)[:, None]


def align(
    field: Gradient, samples: Samples, homography: Homography, reaches_px: list[float], freedom: int
) -> Homography:
    """Return `homography` (tray mm to the gradient's pixels) moved onto the edges near the samples.

    One step is made per entry of `reaches_px`, the standard deviation of how far an edge may lie away.
    """
    for reach in reaches_px:
        homography = _step(field, samples, homography, reach, freedom)
    return homography


def _step(
    field: Gradient, samples: Samples, homography: Homography, reach_px: float, freedom: int
) -> Homography:
    points, normals = projected_normals(samples, homography)
    span = max(2.0, 2.2 * reach_px)
    offsets = np.linspace(-span, span, 2 * min(12, round(2 * span)) + 1)
    strength = along_normals(field, points, normals, offsets).astype(np.float64)
    likely = strength**2 * np.exp(-0.5 * (offsets / reach_px) ** 2)
    total = likely.sum(axis=1)
    distance = likely @ offsets / np.maximum(total, 1e-9)
    peak = strength.max(axis=1)
    weights = samples.weights * peak / (peak + 4.0)
    # Edges scattered over the whole window say little: Tukey-like down-weighting by spread comes free.
    weights *= np.exp(-0.5 * (distance / (1.5 * reach_px)) ** 2)
    return moved_along_normals(samples, homography, (points, normals), distance, weights, freedom=freedom)


def moved_along_normals(
    samples: Samples,
    homography: Homography,
    projected: tuple[Points, Points],
    distance_px: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
    *,
    freedom: int,
) -> Homography:
    """Return `homography` corrected such that samples move by `distance_px` (N,) along their normals.

    `projected` are the samples' points and normals in the picture. Weighted least squares, reweighted after
    Geman and McClure: food over an edge and hands are outliers.
    """
    rows = _jacobian(samples, homography, *projected)[:, :freedom]
    sure = weights > 0
    usual = float(np.median(np.abs(distance_px[sure]))) if sure.any() else 0.0
    outlying = 1.5 * max(usual, 0.5)
    move = np.zeros(freedom)
    for _ in range(3):
        trusted = weights / (1 + ((distance_px - rows @ move) / outlying) ** 2) ** 2
        normal_matrix = rows.T @ (rows * trusted[:, None])
        # Levenberg's damping keeps directions that no edge constrains where they are.
        damping = 1e-4 * np.trace(normal_matrix) / freedom + 1e-9
        move = np.linalg.solve(normal_matrix + damping * np.eye(freedom), rows.T @ (trusted * distance_px))
    return _moved(samples, homography, move)


def _jacobian(
    samples: Samples, homography: Homography, points: Points, normals: Points
) -> npt.NDArray[np.float64]:
    """Return how far each sample moves along its normal per unit of each degree of freedom, (N, 8).

    In order: two shifts, turn, scale, stretch, shear, two tilts, about the centre of the tray.
    """
    x, y = samples.centred_points.T
    onto = homography @ samples.from_centred
    depth = onto[2, 0] * x + onto[2, 1] * y + onto[2, 2]
    away = (points * normals).sum(axis=1)
    # How far a sample moves along its normal per unit of each homogeneous coordinate.
    a, b, c = (onto[:2].T @ normals.T - np.outer(onto[2], away)) / depth
    return np.stack(
        [a, b, x * b - y * a, x * a + y * b, x * a - y * b, y * a + x * b, -x * c, -y * c], axis=1
    )


def _moved(samples: Samples, homography: Homography, move: npt.NDArray[np.float64]) -> Homography:
    tx, ty, turn, scale, stretch, shear, tilt_x, tilt_y = np.append(move, np.zeros(8 - len(move)))
    change = np.array(
        [
            [1 + scale + stretch, shear - turn, tx],
            [shear + turn, 1 + scale - stretch, ty],
            [-tilt_x, -tilt_y, 1],
        ]
    )
    moved = homography @ samples.from_centred @ change @ samples.centred
    return np.asarray(moved / moved[2, 2], np.float64)


def support(
    field: Gradient, samples: Samples, homography: Homography, mm_px: float
) -> npt.NDArray[np.float64]:
    """Return for each sample, 0..1, how far the strongest edge around lies just here; NaN outside.

    Compares the strongest edge within 1.5 mm with the strongest within 10 mm; `mm_px` is pixels per mm.
    """
    points, normals = projected_normals(samples, homography)
    offsets = np.linspace(-10, 10, 41) * mm_px
    strength = along_normals(field, points, normals, offsets).astype(np.float64)
    here = strength[:, 17:24].max(axis=1)
    found = np.asarray(here / (strength.max(axis=1) + 1.5), np.float64)
    width, height = field.size
    inside = (points > 1).all(axis=1) & (points[:, 0] < width - 2) & (points[:, 1] < height - 2)
    found[~inside] = np.nan
    return found
