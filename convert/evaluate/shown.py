"""Trays for people to look at: what the first run makes of them, beside the truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from appliance.estimate.depth import surface_mm
from appliance.picture import Picture
from appliance.tray.layout import Points
from appliance.tray.rectify import Mask, project
from appliance.tray.references import Calibration
from convert.evaluate.estimators import ALONE, READING, Column, Estimators, Measured
from convert.evaluate.trays import Bytes, Heights, MapTruth, Tray, tray_from_grid, truth_on_grid
from convert.evaluate.volumes import Row

WORST: Final = 20
"""Trays of each source that are shown."""

SHOWN_PX: Final = (256, 256)


@dataclass(frozen=True, eq=False)
class Shown:
    """One tray; all maps and the picture are on the networks' grid.

    `error` 0..1 is the mean absolute error of its wells. `classes` (H, W) and `food_mm` (H, W) are what the
    networks say, None without networks; `food` marks what back projection took for food; `outlines`
    are the wells' by id, (N, 2) pixels.
    """

    tray: str
    complications: tuple[str, ...]
    error: float
    picture: Picture
    truth: MapTruth | None
    classes: Bytes | None
    food_mm: Heights | None
    food: Mask
    outlines: dict[int, Points]
    rows: tuple[Row, ...]


def ranked_by(runs: Sequence[str]) -> Column:
    """Return the column whose errors rank trays: the first run's reading, else back projection."""
    return Column(runs[0], READING) if runs else ALONE


def worst_first(shown: Sequence[Shown]) -> list[Shown]:
    """Return the `WORST` trays, worst first; of equals the first."""
    return sorted(shown, key=lambda one: -one.error)[:WORST]


def show(
    tray: Tray, rows: tuple[Row, ...], measured: Measured, estimators: Estimators, calibration: Calibration
) -> Shown:
    """Return a tray with its figures; `rows` must not be empty."""
    column = ranked_by(list(measured.maps))
    grid_from_tray = np.linalg.inv(tray_from_grid(calibration, SHOWN_PX)).astype(np.float64)
    maps = measured.maps.get(column.run)
    size = SHOWN_PX[::-1]
    food = cv2.resize(measured.food.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    classes = high = None
    if maps is not None:
        classes = cv2.resize(
            maps.probabilities.argmax(axis=0).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST
        ).astype(np.uint8)
        difference = surface_mm(maps.depth) - surface_mm(estimators.empty[column.run].depth)
        high = cv2.resize(difference, size, interpolation=cv2.INTER_LINEAR).astype(np.float32)
    return Shown(
        tray=tray.name,
        complications=tray.complications,
        error=float(np.mean([abs(row.error(column)) for row in rows])),
        picture=cv2.resize(tray.view, size, interpolation=cv2.INTER_AREA).astype(np.uint8),
        truth=truth_on_grid(tray, calibration, SHOWN_PX),
        classes=classes,
        food_mm=high,
        food=np.asarray(food > 0),
        outlines={
            well.id: project(well.outline_mm, grid_from_tray) for well in calibration.layout.compartments
        },
        rows=rows,
    )
