"""What is measured: trays with known truth, in set-ups of one calibration each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, Protocol, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from appliance.picture import Picture
from appliance.tray.rectify import Homography, Mask, rectified_size
from appliance.tray.references import Calibration
from convert.errors import ConvertError
from convert.train.rectify import UNSEEN

Bytes = npt.NDArray[np.uint8]
Heights = npt.NDArray[np.float32]

Kind = Literal["rice", "liquid", "solid", "unknown"]

Item = TypeVar("Item")

PLAIN: Final = "plain"
"""Stands for no complication."""


@dataclass(frozen=True)
class WellTruth:
    """What is left in one well; `id` is the calibration's compartment.

    `leftover` is the fraction of the well's full serving, 0..1; `full_cm3` that serving's volume, or 1 where
    volumes are not known, so that all wells weigh the same.
    """

    id: int
    kind: Kind
    leftover: float
    state: str
    full_cm3: float


@dataclass(frozen=True, eq=False)
class MapTruth:
    """Truth per pixel (H, W).

    `classes` are numbers of `TRAY_CLASSES`, `UNSEEN` where the picture does not reach; `surface_mm` is the
    height of what is seen above the deck, negative in wells; `food_mm` that of food above the empty tray.
    """

    classes: Bytes
    surface_mm: Heights
    food_mm: Heights


@dataclass(frozen=True, eq=False)
class Tray:
    """One returned tray as the estimators see it, and its truth.

    `view` is the rectified top view of its calibration, `valid` marks what the picture shows of it, and
    `picture_from_tray` says where it lies. `wells` may lack some of the calibration's compartments; `missed`
    are wells that the calibration does not have. `maps` are on the picture's pixels, None where unknown.
    """

    name: str
    complications: tuple[str, ...]
    view: Picture
    valid: Mask
    picture_from_tray: Homography
    wells: tuple[WellTruth, ...]
    missed: tuple[WellTruth, ...] = ()
    maps: MapTruth | None = None


class SetUp(Protocol):
    """Trays of one calibration."""

    @property
    def name(self) -> str:
        """Return the set-up's name within its source."""

    @property
    def pictures(self) -> Sequence[str]:
        """Return the names of the returned trays."""

    @property
    def calibration(self) -> Calibration:
        """Return the calibration. Raises `JanbanError` where the references are unusable."""

    def tray(self, picture: str) -> Tray:
        """Return one tray.

        Raises `TrayNotFoundError` where it is not found in its picture, `JanbanError` for damaged files.
        """


@dataclass(frozen=True)
class Source:
    """Set-ups that are reported together; `about` says in a line what they are and whose geometry is used."""

    name: str
    about: str
    set_ups: tuple[SetUp, ...]

    @property
    def count(self) -> int:
        """Return the number of trays."""
        return sum(len(set_up.pictures) for set_up in self.set_ups)


def without(source: Source, names: Sequence[str]) -> Source:
    """Return a source without some set-ups; raises `ConvertError` where one is not there, or no other is."""
    there = {set_up.name for set_up in source.set_ups}
    for name in names:
        if name not in there:
            raise ConvertError(f"{source.name} has no set-up {name}; it has {', '.join(sorted(there))}")
    if not there - set(names):
        raise ConvertError(f"{source.name}: nothing is left without {', '.join(names)}")
    return replace(source, set_ups=tuple(one for one in source.set_ups if one.name not in names))


def truth_on_grid(tray: Tray, calibration: Calibration, shape: tuple[int, int]) -> MapTruth | None:
    """Return the tray's maps on a network's grid of `shape` (H, W): the rectified view, squeezed to it."""
    if tray.maps is None:
        return None
    picture_from_grid = tray.picture_from_tray @ tray_from_grid(calibration, shape)
    maps, size = tray.maps, (shape[1], shape[0])

    def warped(source: Bytes | Heights, method: int, border: int) -> npt.NDArray[np.generic]:
        return cv2.warpPerspective(
            source,
            picture_from_grid,
            size,
            flags=method | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(border,),
        )

    return MapTruth(
        warped(maps.classes, cv2.INTER_NEAREST, UNSEEN).astype(np.uint8),
        warped(maps.surface_mm, cv2.INTER_LINEAR, 0).astype(np.float32),
        warped(maps.food_mm, cv2.INTER_LINEAR, 0).astype(np.float32),
    )


def tray_from_grid(calibration: Calibration, shape: tuple[int, int]) -> Homography:
    """Return the map from pixels of a network's grid (centres at whole numbers) to tray millimetres."""
    width, height = rectified_size(calibration.layout.tray_mm, calibration.px_per_mm)
    x, y = width / shape[1], height / shape[0]
    view_from_grid = np.array([[x, 0, x / 2 - 0.5], [0, y, y / 2 - 0.5], [0, 0, 1]], np.float64)
    return np.asarray(np.diag([1 / calibration.px_per_mm, 1 / calibration.px_per_mm, 1]) @ view_from_grid)


def evenly(items: Sequence[Item], limit: int | None) -> tuple[Item, ...]:
    """Return at most `limit` items, taken evenly and in order."""
    count = len(items) if limit is None else min(limit, len(items))
    return tuple(items[index * len(items) // count] for index in range(count))
