"""Losses of depth and segmentation; every map has a mask of the pixels that count.

Depth: Ranftl et al., "Towards Robust Monocular Depth Estimation", TPAMI 2022, section 5.
"""

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

_TRIMMED: Final = 0.2
"""Share of the largest residuals that the paper leaves out of every picture."""

_SCALES: Final = 4
_AREA_PX: Final = 8
"""About a centimetre of a tray that fills 256 pixels."""
_LEAST_FOOD: Final = 0.01
_TINY: Final = 1e-6


def shift_and_scale(maps: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return median and mean absolute deviation of maps (N, H, W) within masks: (N, 1, 1) each (eq. 5)."""
    values = maps.masked_fill(~mask, float("nan")).flatten(1)
    shift = values.nanmedian(dim=1).values.nan_to_num()[:, None, None]
    scale = _mean((maps - shift).abs(), mask)[:, None, None]
    return shift, scale.clamp_min(_TINY)


def aligned(maps: Tensor, mask: Tensor) -> Tensor:
    """Return maps without their shift and scale (eq. 6): the same for a map and a positive affine of it."""
    shift, scale = shift_and_scale(maps, mask)
    return (maps - shift) / scale


def trimmed_error(predicted: Tensor, target: Tensor, mask: Tensor, trimmed: float = _TRIMMED) -> Tensor:
    """Return the mean absolute residual of aligned maps without each picture's largest (eq. 7); a scalar."""
    residuals = (predicted - target).abs().masked_fill(~mask, 0).flatten(1)
    valid = mask.flatten(1).sum(1)
    kept = (valid * (1 - trimmed)).floor().long()
    # Masked pixels are 0 and sort first; the valid ones end the row.
    first = residuals.shape[1] - valid
    place = torch.arange(residuals.shape[1], device=residuals.device)[None]
    counted = place < (first + kept)[:, None]
    ordered = residuals.sort(dim=1).values
    per_picture = (ordered * counted).sum(1) / (2 * valid.clamp_min(1))
    return per_picture.mean()


def gradient_error(predicted: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Return the residual's mean absolute gradient at four scales, each half the last (eq. 11); a scalar.

    A difference counts where both of its pixels do.
    """
    residual = torch.where(mask, predicted - target, 0)
    total = residual.new_zeros(())
    for scale in range(_SCALES):
        part, valid = residual[:, :: 2**scale, :: 2**scale], mask[:, :: 2**scale, :: 2**scale]
        across = (part[:, :, 1:] - part[:, :, :-1]).abs() * (valid[:, :, 1:] & valid[:, :, :-1])
        down = (part[:, 1:] - part[:, :-1]).abs() * (valid[:, 1:] & valid[:, :-1])
        sums = across.sum((1, 2)) + down.sum((1, 2))
        total = total + (sums / valid.sum((1, 2)).clamp_min(1)).mean()
    return total


def overlap_error(scores: Tensor, classes: Tensor, unseen: int) -> Tensor:
    """Return 1 - the mean soft Dice overlap of the classes that occur in a batch; a scalar.

    Milletari et al., "V-Net", 3DV 2016, section 3, with probabilities not squared: it weighs a rare class as
    much as a common one, as the mean IoU does. `scores` (N, C, H, W), `classes` (N, H, W).
    """
    seen = classes != unseen
    truth = functional.one_hot(torch.where(seen, classes, 0), scores.shape[1]).permute(0, 3, 1, 2)
    truth = truth * seen[:, None]
    given = scores.softmax(1) * seen[:, None]
    both = (given * truth).sum((0, 2, 3))
    true = truth.sum((0, 2, 3))
    overlap = 2 * both / (given.sum((0, 2, 3)) + true).clamp_min(_TINY)
    present = true > 0
    return 1 - overlap[present].mean() if bool(present.any()) else scores.sum() * 0


def absolute_error(predicted: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Return the mean absolute error over each picture's mask; a scalar."""
    return _mean((predicted - target).abs(), mask).mean()


def difference_error(predicted: Tensor, target: Tensor, mask: Tensor, food: Tensor) -> Tensor:
    """Return how far differences between the two pictures of each pair are off, per pixel of food; a scalar.

    Pictures 0 and 1, 2 and 3, … of (N, H, W) are pairs: two trays of one type, as a returned one and the
    empty one. Readings are sums of such differences over wells, so residuals are summed over squares of
    `_AREA_PX` before their absolute values are taken: relief that cancels within a square does not count.
    `food` (N, H, W) marks the pixels that show food; a pair without any counts as if a hundredth did.
    """
    residual = predicted - target
    seen = mask[0::2] & mask[1::2]
    off = torch.where(seen, residual[0::2] - residual[1::2], 0)[:, None]
    eaten = (seen & (food[0::2] | food[1::2])).to(off.dtype)[:, None]
    errors = functional.avg_pool2d(off, _AREA_PX).abs().mean((1, 2, 3))
    return (errors / eaten.mean((1, 2, 3)).clamp_min(_LEAST_FOOD)).mean()


def class_weights(pixels: Tensor) -> Tensor:
    """Return a weight per class from its pixels (C,): the square root of median-frequency balancing.

    Eigen & Fergus (ICCV 2015) weight by median frequency / frequency. Its square root keeps the order,
    and does not let the rarest class, films of residue, win every doubtful pixel of clean steel. 0.3 to 5.
    """
    share = pixels.double() / pixels.sum().clamp_min(1)
    seen = share[share > 0]
    if seen.numel() == 0:
        return torch.ones(len(pixels))
    return (seen.median() / share.clamp_min(1e-9)).sqrt().clamp(0.3, 5.0).float()


def weighted_cross_entropy(scores: Tensor, classes: Tensor, weights: Tensor, unseen: int) -> Tensor:
    """Return the cross entropy of scores (N, C, H, W), weighted per class; `unseen` pixels do not count."""
    return functional.cross_entropy(scores, classes, weights, ignore_index=unseen)


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    counted = torch.where(mask, values, 0)
    return counted.sum((1, 2)) / mask.sum((1, 2)).clamp_min(1)
