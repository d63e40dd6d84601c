"""What the appliance's estimators read from a tray, with every run's networks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from appliance.estimate import back_projection, network_estimates
from appliance.estimate.amount import DishKind
from appliance.estimate.back_projection import BackProjectionParameters
from appliance.estimate.estimate import Estimate
from appliance.estimate.fusion import fuse
from appliance.estimate.fusion_rule import FusionRule, by_study
from appliance.estimate.network_estimates import (
    NetworkReferences,
    ReferenceMaps,
    blinded,
    by_depth,
    by_segmentation,
)
from appliance.estimate.profile import Mask
from appliance.estimate.segmentation import served_kinds
from appliance.tray.references import Calibration
from convert.evaluate.networks import Maps, Networks
from convert.evaluate.trays import Tray

BACK_PROJECTION: Final = "back projection"
TOLD: Final = "told back projection"
"""What segmentation knows of the dishes' kinds and of what hides them."""

DEPTH: Final = "depth"
SEGMENTATION: Final = "segmentation"
MEAN: Final = "mean"
STUDY: Final = "study fusion"
READING: Final = "reading"
"""What the appliance reads: by the learned fusion where it fits the networks, else by the study's."""

OF_RUN: Final = (TOLD, DEPTH, SEGMENTATION, MEAN, STUDY, READING)


class Column(NamedTuple):
    """One estimator of one run; `run` is empty for back projection, which needs no network."""

    run: str
    estimator: str

    def __str__(self) -> str:
        return f"{self.run} {self.estimator}".strip()


ALONE: Final = Column("", BACK_PROJECTION)


def columns_of(runs: Sequence[str]) -> tuple[Column, ...]:
    """Return all columns: back projection, and those of each run."""
    return (ALONE, *(Column(run, name) for run in runs for name in OF_RUN))


@dataclass(frozen=True, eq=False)
class Measured:
    """What was read from a tray: per column and compartment id, and the maps per run.

    `kinds` of the dishes per run and compartment id, as its segmentation judges; `joined` what the fusion
    joins, by the names of `fusion.ESTIMATORS`. `food` marks what back projection, untold, took for food on
    the rectified tray.
    """

    estimates: dict[Column, dict[int, Estimate]]
    kinds: dict[str, dict[int, DishKind]]
    joined: dict[str, dict[int, dict[str, Estimate]]]
    maps: dict[str, Maps]
    food: Mask


class Estimators:
    """The estimators of one calibration, wired as in the appliance; `fusion` joins them to the reading."""

    def __init__(
        self, calibration: Calibration, runs: Sequence[Networks], fusion: FusionRule = by_study
    ) -> None:
        self._fusion = fusion
        self._projection = back_projection.prepare(calibration, BackProjectionParameters())
        self.empty: dict[str, Maps] = {}
        self._runs = runs
        self._references: dict[str, NetworkReferences] = {}
        self._told: dict[str, back_projection.References] = {}
        for run in runs:
            empty = run.run(calibration.empty)
            full = None if calibration.full is None else run.run(calibration.full)
            self.empty[run.name] = empty
            references = self._references[run.name] = network_estimates.prepare(
                calibration.layout,
                ReferenceMaps(
                    empty.depth,
                    None if full is None else full.depth,
                    None if full is None else full.probabilities,
                ),
            )
            self._told[run.name] = back_projection.told_kinds(
                self._projection, calibration, served_kinds(references.segmentation)
            )

    def measure(self, tray: Tray) -> Measured:
        """Return what all estimators read from a tray."""
        projected = back_projection.estimate(tray.view, tray.valid, self._projection)
        food = np.logical_or.reduce([one.food_mask for one in projected.values()])
        found = {ALONE: {id_: one.estimate for id_, one in projected.items()}}
        maps: dict[str, Maps] = {}
        kinds: dict[str, dict[int, DishKind]] = {}
        joined: dict[str, dict[int, dict[str, Estimate]]] = {}
        for run in self._runs:
            seen = maps[run.name] = run.run(tray.view)
            references = self._references[run.name]
            contents = by_segmentation(seen.probabilities, tray.valid, references)
            deep = by_depth(seen.depth, seen.probabilities, tray.valid, references)
            told = back_projection.estimate(tray.view, tray.valid, self._told[run.name])
            of = kinds[run.name] = {id_: one.kind for id_, one in told.items()}
            each = joined[run.name] = {
                id_: {
                    "back_projection": blinded(told[id_].estimate, contents[id_].contents),
                    "depth": deep[id_],
                    "segmentation": contents[id_].estimate,
                }
                for id_ in deep
            }
            found |= {
                Column(run.name, TOLD): {id_: three["back_projection"] for id_, three in each.items()},
                Column(run.name, DEPTH): deep,
                Column(run.name, SEGMENTATION): {id_: one.estimate for id_, one in contents.items()},
                Column(run.name, MEAN): {
                    id_: fuse(three, dict.fromkeys(three, 1.0)) for id_, three in each.items()
                },
                Column(run.name, STUDY): {
                    id_: by_study(three, of[id_]).estimate for id_, three in each.items()
                },
                Column(run.name, READING): {
                    id_: self._fusion(three, of[id_]).estimate for id_, three in each.items()
                },
            }
        return Measured(found, kinds, joined, maps, food)
