"""What each network learns: its target, its loss, and the figures that tell how good it is."""

from dataclasses import dataclass
from typing import Final, Protocol, cast

import torch
from torch import Tensor
from torch.nn import functional

from appliance.estimate.depth import DECK, MM_PER_UNIT
from convert.networks.midas import Midas
from convert.networks.spec import QUANTITY_FRACTIONS, TRAY_CLASSES
from convert.train.dataset import Batch
from convert.train.losses import (
    absolute_error,
    aligned,
    difference_error,
    gradient_error,
    overlap_error,
    trimmed_error,
    weighted_cross_entropy,
)
from convert.train.rectify import UNSEEN

_OUTSIDE: Final = TRAY_CLASSES.index("outside")
_FOREIGN: Final = TRAY_CLASSES.index("foreign")

_FOOD: Final = tuple(TRAY_CLASSES.index(name) for name in ("rice", "liquid", "solid"))

_GRADIENT: Final = 0.5
_ABSOLUTE: Final = 1.0
_GRADIENT_IN_PAIRS: Final = 0.2
_DIFFERENCE: Final = 1.0
_OVERLAP: Final = 0.5
_QUANTITY: Final = 0.2

Figures = dict[str, float]


class Task(Protocol):
    """A network's training."""

    def loss(self, outputs: tuple[Tensor, ...], batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss and its parts, unweighted; all scalars."""

    def score(self) -> "Score":
        """Return an empty score, to fill with validation batches."""


class Score(Protocol):
    """Figures of validation, gathered over batches."""

    def add(self, outputs: tuple[Tensor, ...], batch: Batch) -> None:
        """Count a batch."""

    def figures(self) -> Figures:
        """Return the figures by name."""

    def merit(self) -> float:
        """Return the figure that the best weights are chosen by; larger is better."""


def depth_target(surface_mm: Tensor) -> Tensor:
    """Return what the depth network shall say of surfaces in mm above the deck.

    At least 0: floors 50 mm deep are 0, and larger is nearer, as in MiDaS. It is affine in mm so that a
    tray's map minus the empty tray's is food.
    """
    return (DECK + surface_mm / MM_PER_UNIT).clamp_min(0)


def depth_mask(classes: Tensor) -> Tensor:
    """Return the pixels (N, H, W) that depth is learnt and judged on: tray and food.

    Counters lie at any height and are never measured. What lies below cutlery, napkins and hands cannot be
    seen, and their own height is nobody's food: the segmentation tells the device where they are.
    """
    return (classes != _OUTSIDE) & (classes != _FOREIGN) & (classes != UNSEEN)


def depth_food(classes: Tensor) -> Tensor:
    """Return the pixels (N, H, W) that show food."""
    return torch.isin(classes, torch.tensor(_FOOD, device=classes.device))


@dataclass(frozen=True)
class DepthTask:
    """MiDaS's loss, plus an absolute term, and with `pairs` one of differences between pictures.

    Weights: trimmed scale-and-shift-invariant error 1, gradients 0.5 as in the paper, absolute error 1. An
    aligned map's residuals are about four times those of the map, halved in the mean: the absolute term has
    half the say. It fixes scale and shift, which the paper leaves free, for pictures to be subtracted.
    In pairs, that very subtraction is learnt, with a weight of 1, and the relief of food, which readings sum
    over, has less of a say: gradients 0.2.
    """

    pairs: bool = False

    def loss(self, outputs: tuple[Tensor, ...], batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the weighted sum and its parts."""
        predicted, target = outputs[0][:, 0], depth_target(batch.surface_mm)
        mask = depth_mask(batch.classes)
        ours, truth = aligned(predicted, mask), aligned(target, mask)
        parts = {
            "invariant": trimmed_error(ours, truth, mask),
            "gradient": gradient_error(ours, truth, mask),
            "absolute": absolute_error(predicted, target, mask),
        }
        relief = _GRADIENT_IN_PAIRS if self.pairs else _GRADIENT
        total = parts["invariant"] + relief * parts["gradient"] + _ABSOLUTE * parts["absolute"]
        if self.pairs:
            parts["difference"] = difference_error(predicted, target, mask, depth_food(batch.classes))
            total = total + _DIFFERENCE * parts["difference"]
        return total, parts

    def score(self) -> "DepthScore":
        """Return an empty score."""
        return DepthScore()


class DepthScore:
    """Aligned error, and height errors in mm over all pixels and per class."""

    def __init__(self) -> None:
        self._invariant: list[float] = []
        self._error_mm = torch.zeros(len(TRAY_CLASSES), dtype=torch.float64)
        self._signed_mm = torch.zeros(len(TRAY_CLASSES), dtype=torch.float64)
        self._pixels = torch.zeros(len(TRAY_CLASSES), dtype=torch.float64)

    def add(self, outputs: tuple[Tensor, ...], batch: Batch) -> None:
        """Count a batch."""
        predicted, target = outputs[0][:, 0], depth_target(batch.surface_mm)
        mask = depth_mask(batch.classes)
        ours, truth = aligned(predicted, mask), aligned(target, mask)
        self._invariant.append(float(absolute_error(ours, truth, mask)))
        off_mm = ((predicted - target) * MM_PER_UNIT)[mask].double().cpu()
        kinds = batch.classes[mask].cpu()
        self._error_mm.index_add_(0, kinds, off_mm.abs())
        self._signed_mm.index_add_(0, kinds, off_mm)
        self._pixels.index_add_(0, kinds, torch.ones_like(off_mm))

    def figures(self) -> Figures:
        """Return `invariant_error` (0 is perfect), `height_mae_mm`, and error and bias in mm per class."""
        figures = {
            "invariant_error": sum(self._invariant) / max(len(self._invariant), 1),
            "height_mae_mm": float(self._error_mm.sum() / self._pixels.sum().clamp_min(1)),
        }
        for number, name in enumerate(TRAY_CLASSES):
            if self._pixels[number] > 0:
                figures[f"height_mae_mm_{name}"] = float(self._error_mm[number] / self._pixels[number])
                figures[f"height_bias_mm_{name}"] = float(self._signed_mm[number] / self._pixels[number])
        return figures

    def merit(self) -> float:
        """Return minus the mean of the classes' height errors: food counts as much as the larger steel."""
        seen = self._pixels > 0
        return (
            -float((self._error_mm[seen] / self._pixels[seen]).mean()) if bool(seen.any()) else float("-inf")
        )


@dataclass(frozen=True, eq=False)
class SegmentationTask:
    """Weighted cross entropy per pixel, plus 0.5 times the classes' overlap, plus 0.2 times the quantity.

    The quantity head sees one label per picture and learns it by heart long before the pixels are learnt.
    """

    weights: Tensor

    def loss(self, outputs: tuple[Tensor, ...], batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the weighted sum and its three parts."""
        segmentation, quantity = outputs
        parts = {
            "segmentation": weighted_cross_entropy(
                segmentation, batch.classes, self.weights.to(segmentation.device), UNSEEN
            ),
            "overlap": overlap_error(segmentation, batch.classes, UNSEEN),
            "quantity": functional.cross_entropy(quantity, batch.quantity),
        }
        weighted = _OVERLAP * parts["overlap"] + _QUANTITY * parts["quantity"]
        return parts["segmentation"] + weighted, parts

    def score(self) -> "SegmentationScore":
        """Return an empty score."""
        return SegmentationScore()


class SegmentationScore:
    """Confusion of pixels, and how the quantity was judged."""

    def __init__(self) -> None:
        count = len(TRAY_CLASSES)
        self._confusion = torch.zeros(count, count, dtype=torch.int64)
        self._right: list[bool] = []
        self._off: list[float] = []

    def add(self, outputs: tuple[Tensor, ...], batch: Batch) -> None:
        """Count a batch."""
        segmentation, quantity = (output.cpu() for output in outputs)
        truth, count = batch.classes.cpu(), len(TRAY_CLASSES)
        seen = truth != UNSEEN
        pairs = truth[seen] * count + segmentation.argmax(1)[seen]
        self._confusion += torch.bincount(pairs, minlength=count * count).reshape(count, count)
        best, wanted = quantity.argmax(1), batch.quantity.cpu()
        fractions = torch.tensor(QUANTITY_FRACTIONS)
        self._right += (best == wanted).tolist()
        self._off += (fractions[best] - fractions[wanted]).abs().tolist()

    def figures(self) -> Figures:
        """Return `miou` over classes that occur, `iou_CLASS`, `pixel_accuracy`, `quantity_top1`, `_mae`."""
        both = self._confusion.diagonal().double()
        either = (self._confusion.sum(0) + self._confusion.sum(1)).double() - both
        present = self._confusion.sum(1) > 0
        overlap = both / either.clamp_min(1)
        figures = {
            "miou": float(overlap[present].mean()) if bool(present.any()) else 0.0,
            "pixel_accuracy": float(both.sum() / self._confusion.sum().clamp_min(1)),
            "quantity_top1": sum(self._right) / max(len(self._right), 1),
            "quantity_mae": sum(self._off) / max(len(self._off), 1),
        }
        return figures | {
            f"iou_{name}": float(overlap[number])
            for number, name in enumerate(TRAY_CLASSES)
            if present[number]
        }

    def merit(self) -> float:
        """Return the mean IoU."""
        return self.figures()["miou"]


def start_depth(network: Midas) -> None:
    """Let an untrained MiDaS begin with the deck everywhere: below 0 its last ReLU would pass no gradient."""
    last = network.scratch.last
    with torch.no_grad():
        last.weight.mul_(0.1)
        cast("Tensor", last.bias).fill_(DECK)
