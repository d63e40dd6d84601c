"""What the appliance's estimators read from a tray, with every run's networks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import cv2
import numpy as np

from appliance.estimate import back_projection, depth, segmentation
from appliance.estimate.back_projection import BackProjectionParameters
from appliance.estimate.contents import hiding
from appliance.estimate.estimate import Estimate
from appliance.estimate.fusion import fuse, study_weights
from appliance.estimate.profile import Mask
from appliance.tray.references import Calibration
from convert.evaluate.networks import Maps, Networks
from convert.evaluate.trays import Tray

BACK_PROJECTION: Final = "back projection"
DEPTH: Final = "depth"
SEGMENTATION: Final = "segmentation"
MEAN: Final = "mean"
STUDY: Final = "study fusion"
READING: Final = STUDY
"""The estimator whose answer is the appliance's reading."""


class Column(NamedTuple):
    """One estimator of one run; `run` is empty for back projection, which needs no network."""

    run: str
    estimator: str

    def __str__(self) -> str:
        return f"{self.run} {self.estimator}".strip()


ALONE: Final = Column("", BACK_PROJECTION)


def columns_of(runs: Sequence[str]) -> tuple[Column, ...]:
    """Return all columns: back projection, and four of each run."""
    return (ALONE, *(Column(run, name) for run in runs for name in (DEPTH, SEGMENTATION, MEAN, STUDY)))


@dataclass(frozen=True, eq=False)
class Measured:
    """What was read from a tray: per column and compartment id, and the maps per run.

    `food` marks what back projection took for food on the rectified tray.
    """

    estimates: dict[Column, dict[int, Estimate]]
    maps: dict[str, Maps]
    food: Mask


class Estimators:
    """The estimators of one calibration."""

    def __init__(self, calibration: Calibration, runs: Sequence[Networks]) -> None:
        self._projection = back_projection.prepare(calibration, BackProjectionParameters())
        self.empty: dict[str, Maps] = {}
        self._runs = runs
        self._depth: dict[str, depth.DepthReferences] = {}
        self._segmentation: dict[str, segmentation.SegmentationReferences] = {}
        for run in runs:
            empty = run.run(calibration.empty)
            full = None if calibration.full is None else run.run(calibration.full)
            self.empty[run.name] = empty
            self._depth[run.name] = depth.prepare(
                calibration.layout, empty.depth, None if full is None else full.depth
            )
            self._segmentation[run.name] = segmentation.prepare(
                calibration.layout, None if full is None else full.probabilities, empty.depth
            )

    def measure(self, tray: Tray) -> Measured:
        """Return what all estimators read from a tray."""
        projected = back_projection.estimate(tray.view, tray.valid, self._projection)
        food = np.logical_or.reduce([one.food_mask for one in projected.values()])
        found = {ALONE: {id_: one.estimate for id_, one in projected.items()}}
        maps: dict[str, Maps] = {}
        for run in self._runs:
            seen = maps[run.name] = run.run(tray.view)
            by_depth, by_segmentation = self._of_networks(run.name, seen, tray.valid)
            each = {
                id_: {
                    "back_projection": found[ALONE][id_],
                    "depth": by_depth[id_],
                    "segmentation": by_segmentation[id_],
                }
                for id_ in by_depth
            }
            found[Column(run.name, DEPTH)] = by_depth
            found[Column(run.name, SEGMENTATION)] = by_segmentation
            found[Column(run.name, MEAN)] = {
                id_: fuse(three, dict.fromkeys(three, 1.0)) for id_, three in each.items()
            }
            found[Column(run.name, STUDY)] = {
                id_: fuse(three, study_weights(three.keys(), three["segmentation"].confidence))
                for id_, three in each.items()
            }
        return Measured(found, maps, food)

    def _of_networks(
        self, run: str, seen: Maps, valid: Mask
    ) -> tuple[dict[int, Estimate], dict[int, Estimate]]:
        contents = segmentation.estimate(
            seen.probabilities, on_grid(valid, seen.probabilities.shape[1:]), self._segmentation[run]
        )
        hidden = on_grid(hiding(seen.probabilities), seen.depth.shape)
        shown = on_grid(valid, seen.depth.shape)
        return (
            depth.estimate(seen.depth, shown & ~hidden, self._depth[run]),
            {id_: one.estimate for id_, one in contents.items()},
        )


def on_grid(mask: Mask, shape: tuple[int, ...]) -> Mask:
    """Return a mask of the tray (any H, W) on a grid of `shape` (H, W), nearest pixel."""
    resized = cv2.resize(mask.astype(np.uint8), (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST)
    return np.asarray(resized > 0, np.bool_)
