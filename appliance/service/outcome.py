"""From what the estimators say of a tray to the outcome that a reading carries."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from appliance.clock import Deadline
from appliance.estimate.back_projection import CompartmentEstimate
from appliance.estimate.contents import Contents as SeenContents
from appliance.estimate.estimate import Estimate
from appliance.estimate.fusion_rule import FusionRule
from appliance.estimate.network_estimates import blinded
from appliance.estimate.segmentation import WellContents
from appliance.picture import Picture, has_colour
from appliance.readings.measurement import CompartmentMeasurement, Contents, Estimates, Weights
from appliance.tray.layout import Compartment, Layout
from appliance.tray.locate import Located
from appliance.tray.rectify import project

CUT: Final = "cut"
COVERED: Final = "covered"
"""Flag of a well most of which something foreign hides."""

_MOST: Final = 0.5
_OF_CONTENTS: Final = frozenset({"foreign", "mixed"})
"""Flags that say what lies in a well, whichever estimator its leftover comes from."""

_WHOLE_TRAY: Final = 0.995
"""Share of the tray inside the picture from which on it counts as seen as a whole."""

_LEAST_PX_PER_MM: Final = 0.65
"""A tray seen smaller is not measured: from 0.6 px/mm down, pictures made smaller lost 0.2 and more of a
well's leftover, while the stated uncertainty stayed what it was."""


@dataclass(frozen=True, eq=False)
class WellEstimates:
    """What the estimators say of one well; None is what did not run.

    `mixed_from` are the compartments in which the food was served that was scraped into this one.
    """

    projected: CompartmentEstimate
    contents: WellContents | None = None
    depth: Estimate | None = None
    mixed_from: tuple[int, ...] = ()

    @property
    def by_name(self) -> dict[str, Estimate]:
        """Return the estimates that there are."""
        projected = self.projected.estimate
        if self.contents is None:
            return {"back_projection": projected}
        found = {"back_projection": blinded(projected, self.contents.contents)}
        if self.depth is not None:
            found["depth"] = self.depth
        return {**found, "segmentation": self.contents.estimate}

    @property
    def complete(self) -> bool:
        """Whether every estimator had its say."""
        return self.contents is not None and self.depth is not None


def compartment_measurement(
    compartment: Compartment, well: WellEstimates, located: Located, fusion: FusionRule
) -> CompartmentMeasurement:
    """Join the estimates of a well: all three, or else back projection's alone.

    What lies in it is told whenever segmentation ran.
    """
    there = well.by_name
    joined = there if well.complete else {"back_projection": there["back_projection"]}
    fused = fusion(joined, well.projected.kind)
    outline_px = project(compartment.outline_mm, located.picture_from_tray)
    return CompartmentMeasurement(
        id=compartment.id,
        outline=tuple((float(x), float(y)) for x, y in outline_px),
        leftover=fused.estimate.leftover,
        uncertainty=fused.estimate.uncertainty,
        confidence=fused.estimate.confidence,
        contents=None if well.contents is None else _as_told(well.contents.contents),
        estimates=Estimates(**{name: estimate.leftover for name, estimate in there.items()}),
        weights=Weights(**fused.weights),
        flags=_flags(fused.estimate.flags, well.contents),
        mixed_from=well.mixed_from,
    )


def tray_leftover(
    compartments: Sequence[CompartmentMeasurement], estimates: Mapping[int, CompartmentEstimate]
) -> float:
    """Weigh the wells by the volumes of their full servings."""
    volumes = [estimates[c.id].full_cm3 for c in compartments]
    left = sum(c.leftover * volume for c, volume in zip(compartments, volumes, strict=True))
    return min(left / max(sum(volumes), 1e-9), 1.0)


def unfit_reason(picture: Picture, located: Located, layout: Layout) -> str | None:
    """Tell why a picture shows the tray, but not well enough to measure it."""
    seen_px_per_mm = math.sqrt(_seen_area_px(located, layout) / (layout.tray_mm[0] * layout.tray_mm[1]))
    if seen_px_per_mm < _LEAST_PX_PER_MM:
        return (
            f"the tray is too small in the picture ({seen_px_per_mm:.2f} pixels per mm, {_LEAST_PX_PER_MM}"
            " are needed); bring the camera closer or take larger pictures"
        )
    if not has_colour(picture):
        return "the picture has no colour; take it with a colour camera"
    return None


def degraded_reason(
    located: Located, compartments: Sequence[CompartmentMeasurement], deadline: Deadline
) -> str | None:
    """Tell why a tray that was measured could not be measured well."""
    if located.in_frame_fraction < _WHOLE_TRAY:
        return f"{1 - located.in_frame_fraction:.1%} of the tray lies outside the picture"
    if obscured := _flagged(CUT, compartments):
        return f"compartment {obscured} partly hidden"
    if covered := _flagged(COVERED, compartments):
        return f"compartment {covered} mostly hidden by something foreign"
    if deadline.passed:
        return "measured after the deadline"
    return None


def _as_told(seen: SeenContents) -> Contents:
    # Sums of float32 may end a bit above 1.
    return Contents(**{name: min(getattr(seen, name), 1.0) for name in Contents.model_fields})


def _flags(fused: tuple[str, ...], contents: WellContents | None) -> tuple[str, ...]:
    if contents is None:
        return fused
    seen = [flag for flag in contents.estimate.flags if flag in _OF_CONTENTS]
    if contents.contents.foreign > _MOST:
        seen.append(COVERED)
    return tuple(dict.fromkeys((*fused, *seen)))


def _flagged(flag: str, compartments: Sequence[CompartmentMeasurement]) -> str:
    return ", ".join(str(c.id) for c in compartments if flag in c.flags)


def _seen_area_px(located: Located, layout: Layout) -> float:
    width, height = layout.tray_mm
    corners_mm = np.array([[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]])
    return float(cv2.contourArea(project(corners_mm, located.picture_from_tray).astype(np.float32)))
