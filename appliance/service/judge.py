"""From a rectified tray to what is left in every well, by one set of parameters.

A tray is seen once, whoever judges it: the parameters that count, those of a variant, or each of a search.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from appliance.estimate import back_projection
from appliance.estimate.back_projection import BackProjectionParameters, CompartmentEstimate
from appliance.estimate.fusion_rule import FusionRule, by_study
from appliance.estimate.network_estimates import NetworkReferences, by_depth, by_segmentation
from appliance.estimate.profile import Mask
from appliance.estimate.segmentation import served_kinds, served_with
from appliance.picture import Picture
from appliance.readings.measurement import CompartmentMeasurement
from appliance.service.network_estimators import Sight
from appliance.service.outcome import WellEstimates, compartment_measurement, tray_leftover
from appliance.tray.calibration import Calibration
from appliance.tray.locate import Located


@dataclass(frozen=True, eq=False)
class View:
    """A tray as it is judged: where it lay, and its top view (H, W, 3), BGR.

    `valid` (H, W) marks what the picture shows of it; `sight` is what the networks made of it, if they ran.
    """

    located: Located
    top_view: Picture
    valid: Mask
    sight: Sight | None = None


@dataclass(frozen=True, eq=False)
class Judgement:
    """What is left of a tray: per well, and by volume of the whole, 0..1."""

    compartments: tuple[CompartmentMeasurement, ...]
    leftover: float
    path: Literal["full", "fallback"]


class Judge:
    """Judges trays of one calibration by one set of parameters.

    Raises ValueError where the calibration lacks what the parameters need.
    """

    def __init__(
        self, calibration: Calibration, parameters: BackProjectionParameters, fusion: FusionRule = by_study
    ) -> None:
        self._calibration = calibration
        self._references = back_projection.prepare(calibration, parameters)
        self._fusion = fusion
        self._told_by: NetworkReferences | None = None

    def tell(self, references: NetworkReferences) -> None:
        """Heed what the networks took the served dishes for."""
        if references is not self._told_by:
            kinds = served_kinds(references.segmentation)
            self._references = back_projection.told_kinds(self._references, self._calibration, kinds)
            self._told_by = references

    def project(self, view: View) -> dict[int, CompartmentEstimate]:
        """Return what back projection says per compartment id; it needs no `sight`."""
        return back_projection.estimate(view.top_view, view.valid, self._references)

    def join(self, projected: Mapping[int, CompartmentEstimate], view: View) -> Judgement:
        """Return the judgement from back projection's answers and what the networks made of the view."""
        wells = _well_estimates(projected, view.sight, view.valid)
        compartments = tuple(
            compartment_measurement(c, wells[c.id], view.located, self._fusion)
            for c in self._calibration.layout.compartments
        )
        complete = all(well.complete for well in wells.values())
        return Judgement(
            compartments, tray_leftover(compartments, projected), "full" if complete else "fallback"
        )

    def judge(self, view: View) -> Judgement:
        """Return what is left."""
        if view.sight is not None:
            self.tell(view.sight.references)
        return self.join(self.project(view), view)


def _well_estimates(
    projected: Mapping[int, CompartmentEstimate], sight: Sight | None, valid: Mask
) -> dict[int, WellEstimates]:
    if sight is None or sight.probabilities is None:
        return {id_: WellEstimates(one) for id_, one in projected.items()}
    references = sight.references
    contents = by_segmentation(sight.probabilities, valid, references)
    deep = {} if sight.depth is None else by_depth(sight.depth, sight.probabilities, valid, references)
    return {
        id_: WellEstimates(
            one,
            contents[id_],
            deep.get(id_),
            served_with(contents[id_].mixed, references.segmentation),
        )
        for id_, one in projected.items()
    }
