"""What the appliance's estimators read from a tray, with every run's networks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from appliance.estimate import back_projection, network_estimates
from appliance.estimate.back_projection import BackProjectionParameters
from appliance.estimate.estimate import Estimate
from appliance.estimate.fusion import fuse
from appliance.estimate.fusion_rule import by_study
from appliance.estimate.network_estimates import (
    NetworkReferences,
    ReferenceMaps,
    blinded,
    by_depth,
    by_segmentation,
)
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
        self._references: dict[str, NetworkReferences] = {}
        for run in runs:
            empty = run.run(calibration.empty)
            full = None if calibration.full is None else run.run(calibration.full)
            self.empty[run.name] = empty
            self._references[run.name] = network_estimates.prepare(
                calibration.layout,
                ReferenceMaps(
                    empty.depth,
                    None if full is None else full.depth,
                    None if full is None else full.probabilities,
                ),
            )

    def measure(self, tray: Tray) -> Measured:
        """Return what all estimators read from a tray."""
        projected = back_projection.estimate(tray.view, tray.valid, self._projection)
        food = np.logical_or.reduce([one.food_mask for one in projected.values()])
        found = {ALONE: {id_: one.estimate for id_, one in projected.items()}}
        maps: dict[str, Maps] = {}
        for run in self._runs:
            seen = maps[run.name] = run.run(tray.view)
            references = self._references[run.name]
            contents = by_segmentation(seen.probabilities, tray.valid, references)
            deep = by_depth(seen.depth, seen.probabilities, tray.valid, references)
            each = {
                id_: {
                    "back_projection": blinded(found[ALONE][id_], contents[id_].contents),
                    "depth": deep[id_],
                    "segmentation": contents[id_].estimate,
                }
                for id_ in deep
            }
            found[Column(run.name, DEPTH)] = deep
            found[Column(run.name, SEGMENTATION)] = {id_: one.estimate for id_, one in contents.items()}
            found[Column(run.name, MEAN)] = {
                id_: fuse(three, dict.fromkeys(three, 1.0)) for id_, three in each.items()
            }
            found[Column(run.name, STUDY)] = {
                id_: by_study(three, projected[id_].kind).estimate for id_, three in each.items()
            }
        return Measured(found, maps, food)
