"""The way of one tray: locate → rectify → estimate → fuse → outcome."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from appliance.budget import Budget, DeadlineSettings
from appliance.clock import Clock, Deadline
from appliance.errors import TrayNotFoundError
from appliance.estimate.back_projection import BackProjectionParameters, CompartmentEstimate
from appliance.estimate.fusion_rule import FusionRule, by_study
from appliance.estimate.profile import Mask
from appliance.inference.networks import NetworkCounts, Networks
from appliance.picture import Picture
from appliance.readings.measurement import Outcome
from appliance.service.durations import Durations
from appliance.service.judge import Judge, View
from appliance.service.network_estimators import NetworkEstimators, Sight
from appliance.service.outcome import (
    degraded_reason,
    unfit_reason,
)
from appliance.service.stages import Stages
from appliance.tray.calibration import Calibration
from appliance.tray.locate import Homography, locate
from appliance.tray.rectify import rectify

_NEEDED = ("locate", "rectify", "back_projection", "fuse")
"""Stages without which there is no number."""

_BUDGET = Budget.of(DeadlineSettings())


@dataclass(frozen=True, eq=False)
class Seen:
    """What the overlay needs beside the outcome: where the tray lay, and what was seen on it.

    `food` (H, W) marks what back projection took for food, at `px_per_mm`; `classes` (H, W) are the likeliest
    of `contents.CLASSES` on the segmentation's own grid, edge to edge, None where it did not run.
    """

    picture_from_tray: Homography
    tray_mm: tuple[float, float]
    px_per_mm: float
    food: Mask
    classes: npt.NDArray[np.uint8] | None


@dataclass(frozen=True, eq=False)
class MeasuredTray:
    """One tray's outcome; `models` are those that had a say, with what tells their files from every other.

    `seen` is None for a rejected one, and so is `view`, by which other parameters may judge it.
    """

    outcome: Outcome
    seen: Seen | None
    models: Mapping[str, str] = field(default_factory=dict)
    view: View | None = None


class TrayMeasurer:
    """Measures trays of one calibration: by back projection, and by the networks where they answer in time.

    Without `networks`, and until `prepare` has shown them the references, every reading is `fallback`.
    `no_networks` says why there are none although there should be some, `fusion_fault` why `fusion` is not
    the rule that was wanted.
    """

    def __init__(
        self,
        calibration: Calibration,
        parameters: BackProjectionParameters,
        clock: Clock,
        *,
        fusion: FusionRule = by_study,
        networks: Networks | None = None,
        no_networks: str | None = None,
        fusion_fault: str | None = None,
        budget: Budget = _BUDGET,
    ) -> None:
        self._calibration = calibration
        self._judge = Judge(calibration, parameters, fusion)
        self._clock = clock
        self._budget = budget
        self._no_networks = no_networks
        self.fusion: Literal["study", "learned"] = "study" if fusion is by_study else "learned"
        """The rule that joins the estimates: the study's, or the one fitted to the networks."""
        self._fusion_fault = fusion_fault
        self._durations = Durations()
        self._networks = (
            None
            if networks is None
            else NetworkEstimators(networks, calibration, self._durations, clock, budget.ample_s)
        )

    def prepare(self, deadline: Deadline | None = None) -> None:
        """Show the calibration's references to the networks where that is still to be done.

        Without a deadline it takes no longer than a tray may wait for it. Raises `InferenceError` where they
        do not answer by then; another time they may.
        """
        if self._networks is not None and not self._networks.ready:
            wait = deadline or Deadline.after(self._budget.prepare_s, self._clock)
            self._judge.tell(self._networks.prepare(wait))

    @property
    def complaint(self) -> str | None:
        """Why the last reading came from back projection alone; None where all is well, or as wanted."""
        return self._no_networks if self._networks is None else self._networks.complaint

    @property
    def answering(self) -> bool:
        """Whether the networks can be asked now, and know the references; False without networks."""
        return (
            self._networks is not None
            and self._networks.ready
            and self._networks.networks.wait_until_ready(Deadline.after(0.0, self._clock))
        )

    def degraded(self) -> list[str]:
        """Return what subscribers should know of the networks: that trays go without, and what ails them."""
        faults = [] if self.complaint is None else [f"back projection measures alone: {self.complaint}"]
        if self._fusion_fault is not None:
            faults.append(self._fusion_fault)
        return faults if self._networks is None else [*faults, *self._networks.networks.complaints()]

    def health(self) -> dict[str, object] | None:
        """Return what subscribers should know of the networks; None without them."""
        if self._networks is None:
            return None
        networks = self._networks.networks
        return {
            "device": networks.device,
            "versions": dict(networks.versions),
            "ready": self._networks.ready,
            "complaints": list(networks.complaints()),
        }

    def counts(self) -> NetworkCounts | None:
        """Return what has happened to the networks' processes and device so far; None without networks."""
        return None if self._networks is None else self._networks.networks.counts()

    def close(self) -> None:
        """Let go of the networks' device."""
        if self._networks is not None:
            self._networks.networks.close()

    def too_late(self, deadline: Deadline) -> bool:
        """Tell whether not even back projection would be done by a deadline, as stages went of late."""
        left_s = deadline.remaining_s
        # With ample time it is tried whatever was: a machine that once hung may be well again.
        return left_s < self._budget.ample_s and left_s <= self._durations.p95_s(*_NEEDED)

    def measure(
        self, picture: Picture, *, deadline: Deadline | None = None, stages: Stages | None = None
    ) -> MeasuredTray:
        """Measure the tray in a picture (H, W, 3, BGR).

        Always returns an outcome: a picture without the tray is `rejected` with the reason, one whose
        deadline has passed by the time it is measured is `degraded`. What the networks cannot do by then is
        left out, or cut off. Without a deadline they are waited for. Total latency runs from the start of
        `stages`.
        """
        stages = stages or Stages(self._clock)
        deadline = deadline or Deadline.after(self._budget.unhurried_s, self._clock)
        layout, px_per_mm = self._calibration.layout, self._calibration.px_per_mm
        try:
            with self._timed("locate", stages):
                located = locate(picture, self._calibration)
        except TrayNotFoundError as error:
            return rejected(str(error), stages)
        unfit = unfit_reason(picture, located, layout)
        if unfit is not None:
            return rejected(unfit, stages)
        with self._timed("rectify", stages):
            top_view, valid = rectify(picture, located.picture_from_tray, layout.tray_mm, px_per_mm)
        view = View(located, top_view, valid)
        with self._timed("back_projection", stages):
            projected = self._judge.project(view)
        sight = self._look(top_view, deadline, stages)
        view = replace(view, sight=sight)
        with self._timed("fuse", stages):
            judged = self._judge.join(projected, view)
        reason = degraded_reason(located, judged.compartments, deadline)
        outcome = Outcome(
            status="measured" if reason is None else "degraded",
            reason=reason,
            path=judged.path,
            compartments=judged.compartments,
            leftover=judged.leftover,
            latency_ms=stages.latency_ms(),
        )
        seen = Seen(
            located.picture_from_tray,
            layout.tray_mm,
            px_per_mm,
            _food_mask(projected, valid),
            _classes(sight),
        )
        return MeasuredTray(outcome, seen, {} if sight is None else sight.models, view)

    def _look(self, top_view: Picture, deadline: Deadline, stages: Stages) -> Sight | None:
        if self._networks is None:
            return None
        # What joins the answers comes after them, and has to fit as well.
        by = Deadline(self._clock, deadline.at_s - self._durations.p95_s("fuse"))
        return self._networks.look(top_view, by, stages)

    @contextmanager
    def _timed(self, stage: str, stages: Stages) -> Iterator[None]:
        started_s = self._clock.monotonic_s()
        with stages.time(stage):
            yield
        self._durations.add(stage, self._clock.monotonic_s() - started_s)


def rejected(reason: str, stages: Stages) -> MeasuredTray:
    """Return the outcome of a picture that cannot be measured."""
    outcome = Outcome(status="rejected", reason=reason[:200], path="fallback", latency_ms=stages.latency_ms())
    return MeasuredTray(outcome, None)


def _food_mask(estimates: Mapping[int, CompartmentEstimate], valid: Mask) -> Mask:
    food = np.zeros(valid.shape, np.bool_)
    for seen in estimates.values():
        food |= seen.food_mask
    return food


def _classes(sight: Sight | None) -> npt.NDArray[np.uint8] | None:
    if sight is None or sight.probabilities is None:
        return None
    return np.asarray(sight.probabilities.argmax(axis=0), np.uint8)
