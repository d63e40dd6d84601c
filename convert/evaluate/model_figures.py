"""What an evaluation says of one model, as figures for the manifest and the model's card."""

from collections.abc import Iterator, Mapping
from typing import Final

from appliance.inference.manifest import Meaning, ModelEntry
from convert.card_accuracy import ERROR, key
from convert.errors import ConvertError
from convert.evaluate.estimators import DEPTH, SEGMENTATION
from convert.evaluate.result import Accuracy, Heights, Pixels, Quantity, SourceResult, Volumes

_ESTIMATORS: Final[Mapping[Meaning, str]] = {"inverse_depth": DEPTH, "segmentation": SEGMENTATION}
"""Meaning of an output → estimator that uses it."""


def model_figures(report: Accuracy, entry: ModelEntry) -> dict[str, float]:
    """Return the figures of the run that the entry's own file was in.

    Raises `ConvertError` where the report is of other files.
    """
    ours = {file.sha256 for file in entry.files}
    run = next((run.name for run in report.runs if ours & {one.sha256 for one in run.networks}), None)
    if run is None:
        raise ConvertError(
            f"the report is of other files than {entry.name}'s; make it anew: convert evaluate"
        )
    meanings = {output.meaning for output in entry.files[0].outputs}
    return {
        key(source.name, *name): value
        for source in report.sources
        for name, value in _of_source(source, run, meanings)
    }


_Figure = tuple[tuple[str, ...], float]


def _of_source(source: SourceResult, run: str, meanings: set[Meaning]) -> Iterator[_Figure]:
    for volumes in source.volumes:
        if volumes.run == run and volumes.estimator in {_ESTIMATORS.get(meaning) for meaning in meanings}:
            yield from _of_volumes(volumes)
    for networks in source.networks:
        if networks.run == run:
            if "segmentation" in meanings and networks.segmentation is not None:
                yield from _of_pixels(networks.segmentation)
            if "inverse_depth" in meanings and networks.depth is not None:
                yield from _of_heights(networks.depth)
            if "quantity" in meanings and networks.quantity is not None:
                yield from _of_quantity(networks.quantity)


def _of_volumes(volumes: Volumes) -> Iterator[_Figure]:
    yield (ERROR,), volumes.wells.mae
    yield ("bias, points",), volumes.wells.bias
    if volumes.clean is not None:
        yield ("clean wells read, points",), volumes.clean.mean
    for kind, errors in volumes.by_kind.items():
        yield (ERROR, kind), errors.mae
    for complication, errors in volumes.by_complication.items():
        yield (ERROR, complication), errors.mae


def _of_pixels(pixels: Pixels) -> Iterator[_Figure]:
    yield ("mean IoU, %",), 100 * pixels.miou
    for name, share in pixels.iou.items():
        yield ("IoU, %", name), 100 * share
    yield ("pixels given their class, %",), 100 * pixels.accuracy
    yield ("food pixels given their kind, %",), 100 * pixels.food_kind
    yield ("calibration error of the confidence, %",), 100 * pixels.calibration_error


def _of_heights(heights: Heights) -> Iterator[_Figure]:
    yield ("height error, mm",), heights.surface.mae
    for name, height in heights.surface_by_class.items():
        yield ("height error, mm", name), height.mae
    if heights.food is not None:
        yield ("food's height error, mm",), heights.food.mae


def _of_quantity(quantity: Quantity) -> Iterator[_Figure]:
    yield ("trays given their quantity class, %",), 100 * quantity.top_1
    yield ("quantity error, points",), quantity.mae
