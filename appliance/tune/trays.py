"""Labelled pictures, seen once: what a trial of settings reads them with."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from appliance import __version__
from appliance.errors import LabelsError, PictureError
from appliance.estimate.settings import EstimateSettings
from appliance.picture import Picture, load_picture
from appliance.service.judge import Judge, View
from appliance.tray.calibration import Calibration
from appliance.tune.labels import Label

_LOG = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]

MOST_PICTURES = 250
"""Views are kept in memory, at 1 MB each and 2 MB more with the networks' maps."""


@dataclass(frozen=True, eq=False)
class LabelledTrays:
    """The trays that were found in the labelled pictures.

    `judge_of` returns who judges by settings, and raises ValueError where the calibration is not enough for
    them. `views` one per picture; `labels` those of them alone, and `pictures` the place of each label's
    picture in `views`. `rejected` are the pictures that cannot be measured, and why.
    """

    calibration: Calibration
    judge_of: Callable[[EstimateSettings], Judge]
    views: tuple[View, ...]
    labels: tuple[Label, ...]
    pictures: tuple[int, ...]
    rejected: tuple[tuple[Path, str], ...]

    @property
    def truth(self) -> Floats:
        """Return what the labels say is left (labels,), 0..1."""
        return np.array([label.leftover for label in self.labels])

    def errors(self, settings: EstimateSettings) -> Floats:
        """Return how far each label is off with `settings` (labels,), 0..1; inf where they cannot be used."""
        try:
            judge = self.judge_of(settings)
        except ValueError as error:
            _LOG.info("%s: %s", settings, error)
            return np.full(len(self.labels), np.inf)
        wells = [{c.id: c.leftover for c in judge.judge(view).compartments} for view in self.views]
        read = [wells[p][label.compartment] for p, label in zip(self.pictures, self.labels, strict=True)]
        return np.abs(np.array(read) - self.truth)

    def experiment(self) -> str:
        """Return what tells these trays and labels from all others, and this version from others."""
        found = hashlib.sha256(__version__.encode())
        references = [self.calibration.empty, self.calibration.full]
        for picture in references + [view.top_view for view in self.views]:
            found.update(b"-" if picture is None else picture.tobytes())
        for well in self.calibration.layout.compartments:
            found.update(repr((well.id, well.depth_mm)).encode())
            found.update(well.outline_mm.tobytes() + well.floor_mm.tobytes())
        rows = [
            (p, label.compartment, label.leftover)
            for p, label in zip(self.pictures, self.labels, strict=True)
        ]
        found.update(repr(rows).encode())
        return found.hexdigest()


def see_trays(
    labels: Sequence[Label],
    source: str,
    calibration: Calibration,
    judge_of: Callable[[EstimateSettings], Judge],
    see: Callable[[Picture], View | str],
    *,
    told: Callable[[int, int], None] = lambda _done, _all: None,
) -> LabelledTrays:
    """See every labelled picture once.

    `see` returns a picture's view, or why it cannot be measured; `told` hears how many pictures of all are
    done. Raises `LabelsError`, with the line of the file `source`, for a picture that cannot be read, for too
    many of them, and where none can be measured.
    """
    by_image: dict[Path, list[Label]] = {}
    for label in labels:
        by_image.setdefault(label.image, []).append(label)
    if len(by_image) > MOST_PICTURES:
        raise LabelsError(f"{source}: labels {len(by_image)} pictures; {MOST_PICTURES} are the most")
    views: list[View] = []
    kept: list[Label] = []
    pictures: list[int] = []
    rejected: list[tuple[Path, str]] = []
    for image, of_image in by_image.items():
        try:
            seen = see(load_picture(image))
        except PictureError as error:
            raise LabelsError(f"{source}, line {of_image[0].line}: {error}") from None
        if isinstance(seen, str):
            rejected.append((image, seen))
        else:
            kept += of_image
            pictures += [len(views)] * len(of_image)
            views.append(seen)
        told(len(views) + len(rejected), len(by_image))
    if not views:
        raise LabelsError(f"{source}: no picture can be measured: {rejected[0][0].name}: {rejected[0][1]}")
    return LabelledTrays(calibration, judge_of, tuple(views), tuple(kept), tuple(pictures), tuple(rejected))
