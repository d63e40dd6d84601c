"""Settings under test: told beside the result that counts, never in its place or at its expense."""

import numpy as np
import pytest

from appliance.budget import Budget
from appliance.clock import Deadline
from appliance.errors import ConfigError
from appliance.estimate.parameters import BackProjectionParameters
from appliance.estimate.settings import EstimateSettings, VariantSettings
from appliance.picture import Picture
from appliance.readings.measurement import Outcome
from appliance.readings.variant import Variant
from appliance.service.assemble import open_judge, open_shade
from appliance.service.durations import PATIENCE
from appliance.service.judge import Judgement, View
from appliance.service.pipeline import MeasuredTray, TrayMeasurer, rejected
from appliance.service.stages import Stages
from appliance.service.variant import Shade
from appliance.tray.calibration import Calibration
from appliance.tray.locate import Located
from tests.camera.fake_clock import FakeClock
from tests.estimate import wells
from tests.service.networks import knowing

BUDGET = Budget(5.0)
STUDY = EstimateSettings(method="study", thresh=5)


@pytest.fixture(scope="module")
def measured() -> MeasuredTray:
    """A tray of two wells, as it was measured without networks."""
    site = wells.calibration()
    assert site.full is not None
    view = View(Located(np.eye(3), 1.0, 1.0), site.full, np.ones(site.full.shape[:2], np.bool_))
    judged = open_judge(site, EstimateSettings()).judge(view)
    outcome = Outcome(
        status="measured",
        path=judged.path,
        compartments=judged.compartments,
        leftover=judged.leftover,
        latency_ms={"total": 50.0},
    )
    return MeasuredTray(outcome, None, {"depth": "v1"}, view)


class Trial:
    """A judge that takes `takes_s` by the clock of the test; it may fail."""

    def __init__(self, judgement: Judgement, clock: FakeClock) -> None:
        self.judgement = judgement
        self.clock = clock
        self.takes_s = 0.1
        self.error: Exception | None = None
        self.asked = 0

    def __call__(self, _view: View) -> Judgement:
        self.asked += 1
        self.clock.sleep_s(self.takes_s)
        if self.error is not None:
            raise self.error
        return self.judgement


@pytest.fixture
def trial(measured: MeasuredTray) -> Trial:
    outcome = measured.outcome
    return Trial(Judgement(outcome.compartments, 0.25, "full"), FakeClock())


def shade_of(trial: Trial) -> Shade:
    return Shade("b", trial, trial.clock, BUDGET.ample_s)


def variant_of(
    shade: Shade, tray: MeasuredTray, trial: Trial, left_s: float, *, waiting: bool = False
) -> Variant:
    """Return what a tray tells of its variant; whatever that is, the rest of it is untouched."""
    told = shade.beside(tray, Deadline.after(left_s, trial.clock), waiting=waiting)
    variant = told.outcome.variant
    assert variant is not None
    assert told.outcome.model_copy(update={"variant": None}) == tray.outcome
    assert (told.seen, told.view, told.models) == (tray.seen, tray.view, tray.models)
    # What is stored and published has to be a valid outcome.
    assert type(tray.outcome).model_validate_json(told.outcome.model_dump_json()) == told.outcome
    return variant


def test_both_results_are_told(calibration: Calibration, full_tray: Picture) -> None:
    clock = FakeClock()
    networks = knowing(calibration)
    measurer = TrayMeasurer(calibration, BackProjectionParameters(), clock, networks=networks, budget=BUDGET)
    measurer.prepare()
    tray = measurer.measure(full_tray)
    asked = dict(networks.asked)
    shade = open_shade(calibration, VariantSettings(name="b", estimate=STUDY), BUDGET, clock)
    told = shade.beside(tray, Deadline.after(4.0, clock)).outcome
    # The variant shared what the networks saw, and judged it by its own back projection.
    assert networks.asked == asked
    assert told.variant is not None
    assert told.variant.path == told.path == "full"
    assert tray.view is not None
    own = open_judge(calibration, STUDY).judge(tray.view)
    assert [(c.id, c.leftover) for c in told.variant.compartments] == [
        (c.id, c.leftover) for c in own.compartments
    ]
    assert told.variant.leftover == pytest.approx(own.leftover, abs=1e-4)
    # Under the settings that count, a judge says what the measurer says: a search is about the appliance.
    same = open_judge(calibration, EstimateSettings()).judge(tray.view)
    assert same.compartments == tray.outcome.compartments


def test_a_rejected_tray_has_no_variant(trial: Trial) -> None:
    tray = rejected("no tray", Stages(trial.clock))
    assert shade_of(trial).beside(tray, Deadline.after(4.0, trial.clock)) is tray
    assert trial.asked == 0


def test_what_it_took_is_told(trial: Trial, measured: MeasuredTray) -> None:
    assert variant_of(shade_of(trial), measured, trial, 4.0).latency_ms == 100.0


def test_a_tray_that_waits_goes_first(trial: Trial, measured: MeasuredTray) -> None:
    variant = variant_of(shade_of(trial), measured, trial, 4.0, waiting=True)
    assert variant.skipped == "another tray waited"
    assert trial.asked == 0


def test_it_is_not_started_when_it_would_come_too_late(trial: Trial, measured: MeasuredTray) -> None:
    shade = shade_of(trial)
    trial.takes_s = 0.8
    # Nobody knows yet how long it takes, so little time is too little.
    assert variant_of(shade, measured, trial, 1.0).skipped == "there was no time left"
    assert trial.asked == 0
    assert variant_of(shade, measured, trial, 4.0).skipped is None
    assert variant_of(shade, measured, trial, 1.0).skipped is None
    assert variant_of(shade, measured, trial, 0.7).skipped == "there was no time left"
    assert variant_of(shade, measured, trial, 0.0).skipped == "there was no time left"
    assert trial.asked == 2


def test_one_slow_run_does_not_end_it_for_ever(trial: Trial, measured: MeasuredTray) -> None:
    shade = shade_of(trial)
    trial.takes_s = 10.0
    variant_of(shade, measured, trial, 4.0)
    trial.takes_s = 0.1
    skipped = [variant_of(shade, measured, trial, 4.0).skipped for _ in range(PATIENCE + 5)]
    assert skipped[:PATIENCE] == ["there was no time left"] * PATIENCE
    assert skipped[PATIENCE:] == [None] * 5


def test_a_variant_that_fails_costs_nothing_but_its_numbers(trial: Trial, measured: MeasuredTray) -> None:
    trial.error = ZeroDivisionError("oops")
    assert variant_of(shade_of(trial), measured, trial, 4.0).skipped == "internal error: ZeroDivisionError"


def test_a_variant_that_the_calibration_is_not_enough_for_is_refused() -> None:
    tested = VariantSettings(name="new", estimate=STUDY)
    with pytest.raises(ConfigError, match=r"variant new: .* needs a full reference"):
        open_shade(wells.calibration(full=False), tested, BUDGET, FakeClock())
