"""A tiny held-out set-up of synthetic trays, and networks that know its truth."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from appliance.estimate.depth import DECK, MM_PER_UNIT
from convert.evaluate.networks import FLOAT, Networks
from convert.evaluate.synthetic import SyntheticSetUp
from convert.evaluate.trays import MapTruth, truth_on_grid
from convert.networks.spec import QUANTITY_CLASSES, TRAY_CLASSES, NetworkSpec, Output
from convert.networks.stage import Array
from convert.pictures import network_input
from convert.synth.photos import find_photos
from convert.synth.production import produce
from convert.synth.samples import save
from convert.synth.shot import Order, Studio, name

TEST = (90, 91, 92, 94)
"""Pictures of the first set-up to test on: its empty tray, its full one, two that came back."""

VALIDATION = 192

SPEC = NetworkSpec(
    "known",
    128,
    160,
    (
        Output("depth", "inverse_depth"),
        Output("segmentation", "segmentation", TRAY_CLASSES),
        Output("quantity", "quantity", QUANTITY_CLASSES),
    ),
)


def render(out: Path) -> Path:
    order = Order(8, (256, 192), find_photos([], []))
    produce(order, 1, out, 1)
    studio = Studio(order)
    for index in (*TEST, VALIDATION):
        save(studio.take(index), out / name(index))
    return out


def the_set_up(trays: Path) -> SyntheticSetUp:
    return SyntheticSetUp(trays / "set-up-00009", ("return-01", "return-03"))


@dataclass(frozen=True)
class KnownStage:
    """Knows the truth of every picture, by its pixels, and may tell it wrongly."""

    name: str
    truth: dict[bytes, MapTruth]
    wrong: Callable[[MapTruth], MapTruth]
    quantity: int

    def run(self, images: Array) -> tuple[Array, ...]:
        told = self.wrong(self.truth[images[0].tobytes()])
        depth = DECK + told.surface_mm / MM_PER_UNIT
        scores = np.where(told.classes[..., None] == np.arange(len(TRAY_CLASSES)), 20.0, 0.0)
        quantity = np.where(np.arange(len(QUANTITY_CLASSES)) == self.quantity, 20.0, 0.0)
        return (
            depth[None, ..., None].astype(np.float32),
            scores[None].astype(np.float32),
            quantity[None].astype(np.float32),
        )


def same(truth: MapTruth) -> MapTruth:
    return truth


def knowing(
    set_up: SyntheticSetUp, wrong: Callable[[MapTruth], MapTruth] = same, run: str = FLOAT, quantity: int = 0
) -> Networks:
    """Return networks that tell the truth of a set-up's pictures, or `wrong` of it."""
    calibration, shape = set_up.calibration, (SPEC.height, SPEC.width)
    views = {"empty": calibration.empty, "full": calibration.full}
    known: dict[bytes, MapTruth] = {}
    for picture in ("empty", "full", *set_up.pictures):
        tray = set_up.tray(picture)
        truth = truth_on_grid(tray, calibration, shape)
        view = views.get(picture, tray.view)
        assert truth is not None
        assert view is not None
        known[network_input(view, SPEC).tobytes()] = truth
    return Networks(run, (), ((SPEC, KnownStage(run, known, wrong, quantity)),))
