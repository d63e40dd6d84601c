"""How far two outputs of one network agree, per picture; pure functions on arrays.

All values lie in 0..1. An output with NaN or infinity has the worst value of every metric. A constant depth
map agrees fully with another constant one and not at all with one that varies.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from appliance.inference.agreement import is_constant, raw_difference
from appliance.inference.interpret import softmax
from appliance.inference.manifest import Meaning

Floats = npt.NDArray[np.floating[Any]]
_Doubles = npt.NDArray[np.float64]

METRICS: Final[dict[Meaning, tuple[str, ...]]] = {
    "inverse_depth": (
        *("aligned_error", "area_error", "rank_correlation", "correlation"),
        *("raw_difference", "informative"),
    ),
    "segmentation": ("agreement", "miou", "confidence_difference", "raw_difference", "informative"),
    "quantity": ("fraction_difference", "agreement", "confidence_difference", "raw_difference"),
}
"""Meaning of an output → its metrics; the first one ranks the pictures."""

HIGHER_IS_BETTER: Final = frozenset({"rank_correlation", "correlation", "agreement", "miou", "informative"})
"""1 is full agreement with these, 0 with all others."""

AREA_GRID: Final = 4
"""Cells a side of the grid for `area_error`: a cell has the size of a small compartment."""


def compare_outputs(meaning: Meaning, estimate: Floats, reference: Floats) -> dict[str, float]:
    """Return every metric of one picture's output, keys and order as in `METRICS`.

    `estimate` and `reference` have one shape: inverse depth (H, W, 1), segmentation scores (H, W, C),
    quantity scores (C,); scores are before the softmax. `informative` is 1 where the reference's map or
    classes vary over the picture: a constant one agrees with everything that has gone constant, too.
    """
    if not (is_finite(estimate) and is_finite(reference)):
        return {name: float(name not in HIGHER_IS_BETTER) for name in METRICS[meaning]}
    raw = raw_difference(estimate, reference)
    match meaning:
        case "inverse_depth":
            estimate, reference = estimate[..., 0], reference[..., 0]
            return {
                "aligned_error": aligned_error(estimate, reference),
                "area_error": area_error(estimate, reference),
                "rank_correlation": max(0.0, rank_correlation(estimate, reference)),
                "correlation": max(0.0, correlation(estimate, reference)),
                "raw_difference": raw,
                "informative": float(not is_constant(reference)),
            }
        case "segmentation":
            confusion = confusion_matrix(estimate, reference)
            return {
                "agreement": float(np.trace(confusion) / confusion.sum()),
                "miou": mean_iou(confusion),
                "confidence_difference": confidence_difference(estimate, reference),
                "raw_difference": raw,
                "informative": float((confusion.sum(axis=1) > 0).sum() > 1),
            }
        case "quantity":
            return {
                "fraction_difference": abs(expected_fraction(estimate) - expected_fraction(reference)),
                "agreement": float(np.argmax(estimate) == np.argmax(reference)),
                "confidence_difference": confidence_difference(estimate, reference),
                "raw_difference": raw,
            }


def align(estimate: Floats, reference: Floats) -> tuple[float, float]:
    """Return the scale (>= 0) and shift that bring `estimate` closest to `reference` by least squares.

    Ranftl et al. 2020, "Towards Robust Monocular Depth Estimation", section 5, equation 4, in inverse depth.
    The scale is not let below 0, where near would become far: an inverted map aligns as a constant.
    """
    x, y = _centred(estimate), _centred(reference)
    power = float(x @ x)
    scale = max(0.0, float(x @ y) / power) if power > 0 and not is_constant(estimate) else 0.0
    return scale, float(np.mean(reference, dtype=np.float64)) - scale * float(
        np.mean(estimate, dtype=np.float64)
    )


def aligned_error(estimate: Floats, reference: Floats) -> float:
    """Return the scale-and-shift-invariant error: 0 is the same up to scale and shift, 1 is unrelated.

    The root mean square of the residual after `align`, divided by the reference's standard deviation, so that
    pictures compare with one another. By least squares that is sqrt(1 - max(r, 0)²) with Pearson's r: within
    0..1, and the same with the two maps exchanged. (The reference's mean absolute deviation from its median,
    equation 5 of the source, would bound nothing and lose the symmetry.)
    """
    constant = is_constant(estimate), is_constant(reference)
    if any(constant):
        return float(not all(constant))
    x, y = _unit(estimate), _unit(reference)
    # The sine of the angle between the maps; 1 - r² would lose the digits of two that are nearly the same.
    return min(1.0, float(np.linalg.norm(x - y) * np.linalg.norm(x + y)) / 2) if x @ y > 0 else 1.0


def correlation(estimate: Floats, reference: Floats) -> float:
    """Return Pearson's correlation, -1..1; 1 for two constant maps, 0 where only one of them is constant."""
    constant = is_constant(estimate), is_constant(reference)
    if any(constant):
        return float(all(constant))
    return float(np.clip(_unit(estimate) @ _unit(reference), -1, 1))


def rank_correlation(estimate: Floats, reference: Floats) -> float:
    """Return Spearman's rank correlation, -1..1; equal values share their average rank.

    Int8 maps are full of equal values. Constant maps are treated as in `correlation`.
    """
    constant = is_constant(estimate), is_constant(reference)
    if any(constant):
        return float(all(constant))
    return correlation(_average_ranks(estimate), _average_ranks(reference))


def area_error(estimate: Floats, reference: Floats) -> float:
    """Return how far the means of areas of a compartment's size differ, in shares of the reference's range.

    A volume is a sum over a compartment, in which the noise of single pixels cancels and what is common to an
    area does not. The means of a grid of `AREA_GRID` x `AREA_GRID` cells are aligned by scale and shift; the
    mean absolute difference is divided by the range of the reference (H, W) from its 5th to its 95th
    percentile. A food that fills that range is then misjudged by about this share of its volume. At most 1.
    """
    constant = is_constant(estimate), is_constant(reference)
    if any(constant):
        return float(not all(constant))
    low, high = np.percentile(reference, (5, 95))
    extent = float(high - low) or float(np.ptp(reference))
    cells, truth = _area_means(estimate), _area_means(reference)
    scale, shift = align(cells, truth)
    return min(1.0, float(np.mean(np.abs(scale * cells + shift - truth))) / extent)


def confusion_matrix(estimate: Floats, reference: Floats) -> npt.NDArray[np.int64]:
    """Return counts (C, C) of pixels by class of the reference (row) and of the estimate (column).

    The arguments are scores (…, C); the class is that of the highest score, the first one of equals.
    """
    classes = reference.shape[-1]
    pairs = np.argmax(reference, axis=-1) * classes + np.argmax(estimate, axis=-1)
    return np.bincount(pairs.ravel(), minlength=classes * classes).reshape(classes, classes)


def mean_iou(confusion: npt.NDArray[np.int64]) -> float:
    """Return the mean over classes of intersection over union, of the classes that either side has."""
    both = np.diag(confusion)
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - both
    return float(np.mean(both[union > 0] / union[union > 0]))


def confidence_difference(estimate: Floats, reference: Floats) -> float:
    """Return the absolute difference of the mean highest softmax probability of scores (…, C).

    It is the mean over a picture that the fusion takes for the model's confidence.
    """
    return abs(float(np.mean(softmax(estimate).max(axis=-1) - softmax(reference).max(axis=-1))))


def expected_fraction(scores: Floats) -> float:
    """Return the leftover fraction that quantity scores (C,) expect.

    The classes are C equal parts of 0..1, each stands for its middle: 0.1, 0.3, 0.5, 0.7, 0.9 for five.
    """
    middles = (np.arange(scores.shape[-1]) + 0.5) / scores.shape[-1]
    return float(softmax(scores) @ middles)


def is_finite(values: Floats) -> bool:
    """Tell whether there is no NaN and no infinity."""
    return bool(np.isfinite(values).all())


def _centred(values: Floats) -> _Doubles:
    flat = values.ravel().astype(np.float64)
    return np.asarray(flat - flat.mean())


def _unit(values: Floats) -> _Doubles:
    centred = _centred(values)
    return np.asarray(centred / np.linalg.norm(centred))


def _average_ranks(values: Floats) -> _Doubles:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(count) - (count - 1) / 2)[place.reshape(values.shape)])


def _area_means(values: Floats) -> _Doubles:
    rows = np.array_split(values.astype(np.float64), min(AREA_GRID, values.shape[0]), axis=0)
    return np.array(
        [[c.mean() for c in np.array_split(r, min(AREA_GRID, values.shape[1]), axis=1)] for r in rows]
    )
