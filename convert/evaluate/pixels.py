"""What the networks' maps are worth per pixel, summed over pictures: pure arithmetic on arrays."""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from appliance.estimate.depth import surface_mm
from convert.evaluate.result import Height, Heights, Pixels, Quantity
from convert.evaluate.trays import Bytes, MapTruth
from convert.networks.spec import QUANTITY_FRACTIONS, TRAY_CLASSES
from convert.parity.metrics import align
from convert.train.rectify import UNSEEN
from convert.train.reliability import BINS, Reliability, reliability

Floats = npt.NDArray[np.floating[Any]]
_Sums = npt.NDArray[np.float64]

OUTSIDE: Final = TRAY_CLASSES.index("outside")
FOREIGN: Final = TRAY_CLASSES.index("foreign")
FOOD: Final = tuple(TRAY_CLASSES.index(name) for name in ("rice", "liquid", "solid"))

_COUNT: Final = len(TRAY_CLASSES)


def _zeros(*shape: int) -> _Sums:
    return np.zeros(shape)


@dataclass
class ClassTally:
    """Pixels by their true class (row) and given class (column), and by confidence."""

    confusion: _Sums = field(default_factory=lambda: _zeros(_COUNT, _COUNT))
    trust: Reliability = field(default_factory=lambda: Reliability(_zeros(BINS), _zeros(BINS), _zeros(BINS)))

    def add(self, probabilities: Floats, truth: Bytes) -> None:
        """Count one picture: class probabilities (7, H, W) and true classes (H, W), without `UNSEEN` ones."""
        seen = truth != UNSEEN
        given, wanted = probabilities.argmax(axis=0)[seen], truth[seen].astype(np.int64)
        self.confusion += np.bincount(wanted * _COUNT + given, minlength=_COUNT**2).reshape(_COUNT, _COUNT)
        self.trust += reliability(probabilities.max(axis=0)[seen], given == wanted)

    def figures(self) -> Pixels | None:
        """Return the figures; None before the first pixel."""
        if not self.confusion.any():
            return None
        food = self.confusion[list(FOOD)]
        of_own_kind = food[:, list(FOOD)]
        there = {name: number for number, name in enumerate(TRAY_CLASSES) if self.confusion[number].any()}
        overlap = iou(self.confusion)
        return Pixels(
            pixels=int(self.confusion.sum()),
            miou=float(np.mean([overlap[number] for number in there.values()])),
            iou={name: float(overlap[number]) for name, number in there.items()},
            accuracy=_share(np.trace(self.confusion), self.confusion.sum()),
            food_kind=_share(np.trace(of_own_kind), food.sum()),
            food_kind_by={
                TRAY_CLASSES[number]: _share(self.confusion[number, number], self.confusion[number].sum())
                for number in FOOD
                if self.confusion[number].any()
            },
            food_kind_of_found=_share(np.trace(of_own_kind), of_own_kind.sum()),
            confusion=tuple(tuple(int(count) for count in row) for row in self.confusion),
            calibration_error=self.trust.expected_calibration_error(),
            reliability=tuple((float(c), float(a), float(s)) for c, a, s in self.trust.points()),
        )


def iou(confusion: Floats) -> _Sums:
    """Return intersection over union per class, 0 for one that neither side has."""
    both = np.diag(confusion)
    either = confusion.sum(axis=0) + confusion.sum(axis=1) - both
    return np.asarray(both / np.maximum(either, 1), np.float64)


@dataclass
class HeightTally:
    """Errors of heights in mm: sums of absolute errors, of errors, and of pixels, by true class."""

    surface: _Sums = field(default_factory=lambda: _zeros(3, _COUNT))
    food: _Sums = field(default_factory=lambda: _zeros(3, _COUNT))
    aligned: _Sums = field(default_factory=lambda: _zeros(2))

    def add(self, depth: Floats, empty: Floats, truth: MapTruth) -> None:
        """Count one picture: depth maps (H, W) of the tray and of its empty reference, and the truth."""
        classes = truth.classes
        judged = (classes != OUTSIDE) & (classes != FOREIGN) & (classes != UNSEEN)
        if not judged.any():
            return
        seen, wanted = surface_mm(np.asarray(depth, np.float32))[judged], truth.surface_mm[judged]
        _count(self.surface, seen - wanted, classes[judged])
        scale, shift = align(seen, wanted)
        self.aligned += (np.abs(scale * seen + shift - wanted).sum(), judged.sum())
        food = np.isin(classes, FOOD)
        high = surface_mm(np.asarray(depth, np.float32)) - surface_mm(np.asarray(empty, np.float32))
        _count(self.food, (high - truth.food_mm)[food], classes[food])

    def figures(self) -> Heights | None:
        """Return the figures; None before the first pixel."""
        surface = _height(self.surface.sum(axis=1))
        if surface is None:
            return None
        return Heights(
            surface=surface,
            aligned_mae=float(self.aligned[0] / self.aligned[1]),
            surface_by_class=_by_class(self.surface),
            food=_height(self.food.sum(axis=1)),
            food_by_class=_by_class(self.food),
        )


@dataclass
class QuantityTally:
    """How the quantity head judges trays."""

    right: list[bool] = field(default_factory=list)
    off: list[float] = field(default_factory=list)

    def add(self, probabilities: Floats, leftover: float) -> None:
        """Count one tray: probabilities (5,) of the quantity classes, and the true mean leftover 0..1."""
        count = len(QUANTITY_FRACTIONS)
        self.right.append(int(np.argmax(probabilities)) == min(int(leftover * count), count - 1))
        self.off.append(abs(float(probabilities @ np.array(QUANTITY_FRACTIONS)) - leftover))

    def figures(self) -> Quantity | None:
        """Return the figures; None before the first tray."""
        if not self.right:
            return None
        return Quantity(
            trays=len(self.right),
            top_1=sum(self.right) / len(self.right),
            mae=100 * sum(self.off) / len(self.off),
        )


def _count(sums: _Sums, off_mm: Floats, classes: Bytes) -> None:
    for row, values in enumerate((np.abs(off_mm), off_mm, np.ones(len(off_mm)))):
        sums[row] += np.bincount(classes, values, minlength=_COUNT)


def _height(sums: _Sums) -> Height | None:
    absolute, signed, count = sums
    return Height(mae=float(absolute / count), bias=float(signed / count)) if count else None


def _by_class(sums: _Sums) -> dict[str, Height]:
    heights = {name: _height(sums[:, number]) for number, name in enumerate(TRAY_CLASSES)}
    return {name: height for name, height in heights.items() if height is not None}


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0
