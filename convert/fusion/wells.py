"""The wells that a fusion is fitted to: what each estimator reads of them, and what is true."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from appliance.errors import TrayNotFoundError
from appliance.estimate.amount import DishKind
from appliance.estimate.estimate import Estimate
from appliance.estimate.fusion import ESTIMATORS
from convert.evaluate.estimators import Estimators
from convert.evaluate.networks import Networks
from convert.evaluate.trays import Source

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Well:
    """One well of one tray. `kind` is the dish's as segmentation judges, `true` its leftover 0..1."""

    source: str
    set_up: str
    kind: DishKind
    true: float
    estimates: dict[str, Estimate]

    @property
    def renderer(self) -> str:
        """Return what made the tray's picture: sources `synthetic` and `synthetic, …` have the same."""
        return self.source.partition(",")[0]

    @property
    def read(self) -> tuple[float, ...]:
        """Return what the estimators read, in the order of `ESTIMATORS`."""
        return tuple(self.estimates[name].leftover for name in ESTIMATORS)


def measured_wells(
    sources: Sequence[Source], networks: Networks, done: Callable[[], object] = lambda: None
) -> list[Well]:
    """Measure every tray of the sources, as the appliance does; trays that are not found are left out.

    `done` is called after each tray. Raises `JanbanError` for damaged files.
    """
    wells: list[Well] = []
    for source in sources:
        for set_up in source.set_ups:
            estimators = Estimators(set_up.calibration, [networks])
            for picture in set_up.pictures:
                try:
                    tray = set_up.tray(picture)
                except TrayNotFoundError:
                    done()
                    continue
                measured = estimators.measure(tray)
                joined, kinds = measured.joined[networks.name], measured.kinds[networks.name]
                wells += [
                    Well(source.name, set_up.name, kinds[well.id], well.leftover, joined[well.id])
                    for well in tray.wells
                ]
                done()
    return wells


def shares(wells: Sequence[Well]) -> Numbers:
    """Return how much each well counts, (N,), summing to 1: each renderer alike, and each well of one.

    What the networks never saw is not to be drowned by many trays that look like those of their training.
    """
    renderers = [well.renderer for well in wells]
    wells_of = Counter(renderers)
    share = np.array([1 / wells_of[renderer] for renderer in renderers])
    return np.asarray(share / share.sum(), np.float64)
