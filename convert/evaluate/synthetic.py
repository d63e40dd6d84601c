"""Held-out set-ups of `convert synth`, in their exact geometry."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

from appliance.picture import Picture
from appliance.tray.calibration import PX_PER_MM, Calibration
from appliance.tray.layout import Compartment, Layout
from appliance.tray.rectify import Homography, project, rectify
from convert.errors import ConvertError
from convert.evaluate.trays import PLAIN, MapTruth, Source, Tray, WellTruth, evenly
from convert.synth.samples import Part, Sample, find_samples
from convert.train.rectify import surface_mm

Value = TypeVar("Value")

_REFERENCES = ("empty", "full")

_TOLD: Final[dict[Part, str]] = {
    "training": "set-up for training, as set-up-00000; make at least 10 pictures",
    "test": "held-out set-up for testing, as set-up-00009; make at least 100 pictures",
    "validation": "held-out set-up for validation, as set-up-00019; make at least 200 pictures",
}
_ABOUT: Final = (
    "held-out set-ups of convert synth, in their exact geometry: nothing of them is in any training",
    "set-ups of convert synth that the networks were trained on, in their exact geometry",
)
_NAMES: Final[dict[Part, str]] = {
    "training": "synthetic, trained on",
    "test": "synthetic",
    "validation": "synthetic, validation",
}


def synthetic(folders: Sequence[Path], limit: int | None = None, *, part: Part = "test") -> Source:
    """Return one part of the set-ups below folders of `convert synth`: the test half of those held out.

    At most `limit` returned trays, evenly taken. Raises `ConvertError` where a folder has none of these, or a
    set-up lacks a reference.
    """
    trays: list[tuple[Path, str]] = []
    for folder in folders:
        if not folder.is_dir():
            raise ConvertError(f"{folder}: no such folder; give one that convert synth made")
        samples = [sample for sample in find_samples(folder) if sample.part == part]
        found = [(s.folder.parent, s.folder.name) for s in samples if s.folder.name not in _REFERENCES]
        if not found:
            raise ConvertError(f"{folder}: has no returned tray of a {_TOLD[part]} with convert synth")
        trays += found
    chosen: dict[Path, list[str]] = defaultdict(list)
    for folder, name in evenly(trays, limit):
        chosen[folder].append(name)
    return Source(
        _NAMES[part],
        _ABOUT[part == "training"],
        tuple(SyntheticSetUp(folder, tuple(names)) for folder, names in chosen.items()),
    )


@dataclass(frozen=True)
class SyntheticSetUp:
    """A set-up's folder, and those of its returned trays that are measured."""

    folder: Path
    pictures: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return the folder's name."""
        return self.folder.name

    @cached_property
    def calibration(self) -> Calibration:
        """Return layout and references as `truth.json` tells them. Raises `ConvertError`."""
        empty = Sample(self.folder / "empty")
        layout = _read(empty, _layout)
        views = []
        for sample in (empty, Sample(self.folder / "full")):
            where = _read(sample, _picture_from_tray)
            views.append(rectify(_bgr(sample), where, layout.tray_mm, PX_PER_MM)[0])
        return Calibration(layout, PX_PER_MM, views[0], views[1])

    def tray(self, picture: str) -> Tray:
        """Return a tray where `truth.json` says that it lies. Raises `ConvertError`."""
        sample = Sample(self.folder / picture)
        where = _read(sample, _picture_from_tray)
        view, valid = rectify(_bgr(sample), where, self.calibration.layout.tray_mm, PX_PER_MM)
        return Tray(
            name=f"{self.name}/{picture}",
            complications=_read(sample, _complications),
            view=view,
            valid=valid,
            picture_from_tray=where,
            wells=_read(sample, _wells),
            maps=MapTruth(
                sample.classes(),
                surface_mm(sample.depth_mm(), _read(sample, lambda truth: dict(truth["camera"]))),
                sample.height_mm(),
            ),
        )


def _read(sample: Sample, part: Callable[[dict[str, Any]], Value]) -> Value:
    try:
        return part(sample.truth)
    except (OSError, ValueError, KeyError, TypeError) as error:
        fault = f"{type(error).__name__}: {error}"
        raise ConvertError(
            f"{sample.folder}: absent or damaged ({fault}); make the set-up again with convert synth"
        ) from None


def _bgr(sample: Sample) -> Picture:
    return np.ascontiguousarray(sample.picture()[:, :, ::-1])


def _picture_from_tray(truth: dict[str, Any]) -> Homography:
    return np.array(truth["tray"]["picture_from_tray"], np.float64)


def _picture_from_plane(truth: dict[str, Any], height_mm: float) -> Homography:
    """Return the map from tray millimetres at a height above the deck to the picture's pixels."""
    camera = truth["camera"]
    width, height = truth["tray"]["size_mm"]
    rotation, shift = np.array(camera["rotation"]), np.array(camera["translation_mm"])
    plane = np.stack([rotation[:, 0], rotation[:, 1], shift - rotation[:, 2] * height_mm], axis=1)
    centred = np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1]])
    return np.asarray(np.array(camera["intrinsics"]) @ plane @ centred, np.float64)


def _layout(truth: dict[str, Any]) -> Layout:
    """Return the layout; floors as the empty reference shows them on the deck's plane, parallax included."""
    tray = truth["tray"]
    width, height = (float(side) for side in tray["size_mm"])
    deck = np.linalg.inv(_picture_from_tray(truth))
    compartments = [
        Compartment(
            id=int(well["id"]),
            name=str(well["role"]),
            outline_mm=np.array(well["opening_mm"], np.float64),
            floor_mm=project(
                np.array(well["floor_mm"], np.float64),
                deck @ _picture_from_plane(truth, -float(well["depth_mm"])),
            ),
            depth_mm=float(well["depth_mm"]),
        )
        for well in truth["wells"]
    ]
    return Layout((width, height), float(tray["corner_radius_mm"]), tuple(compartments))


def _complications(truth: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(one) for one in truth["complications"]) or (PLAIN,)


def _wells(truth: dict[str, Any]) -> tuple[WellTruth, ...]:
    """Return the wells in which a dish was served."""
    return tuple(
        WellTruth(
            id=int(well["id"]),
            kind=well["dish_kind"],
            leftover=float(np.clip(well["fraction"], 0, 1)),
            state=str(well["state"]),
            full_cm3=float(well["full_volume_cm3"]),
        )
        for well in truth["wells"]
        if well["full_volume_cm3"] > 0
    )
