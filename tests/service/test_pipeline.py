"""The way of a tray with networks that are quick, slow, away and back: by a clock that the tests turn."""

from collections.abc import Mapping

import pytest

from appliance.budget import Budget
from appliance.clock import Deadline
from appliance.errors import BrokenRunError, NoDeviceError
from appliance.estimate import back_projection
from appliance.estimate.amount import DishKind
from appliance.estimate.back_projection import BackProjectionParameters, References
from appliance.estimate.estimate import Estimate
from appliance.estimate.fusion_rule import Fused
from appliance.inference.fake import FakeNetworks
from appliance.inference.networks import Networks
from appliance.picture import Picture
from appliance.readings.measurement import Outcome, Weights
from appliance.service.durations import PATIENCE
from appliance.service.pipeline import TrayMeasurer
from appliance.tray.calibration import Calibration
from tests.camera.fake_clock import FakeClock
from tests.service.networks import SlowNetworks, knowing

BUDGET = Budget(5.0)
ALONE = Weights(back_projection=1.0)


@pytest.fixture(scope="module")
def references(calibration: Calibration) -> References:
    return back_projection.prepare(calibration, BackProjectionParameters())


@pytest.fixture(autouse=True)
def prepared_once(references: References, monkeypatch: pytest.MonkeyPatch) -> None:
    """What back projection learns is the same for every test, and takes a second."""
    monkeypatch.setattr(back_projection, "prepare", lambda *_: references)


def measurer_of(calibration: Calibration, clock: FakeClock, networks: Networks | None) -> TrayMeasurer:
    return TrayMeasurer(calibration, BackProjectionParameters(), clock, networks=networks, budget=BUDGET)


def on_time(measurer: TrayMeasurer, picture: Picture, clock: FakeClock, left_s: float = 4.0) -> Outcome:
    """Measure a tray for which `left_s` are left, and see to it that it is done by then."""
    deadline = Deadline.after(left_s, clock)
    outcome = measurer.measure(picture, deadline=deadline).outcome
    assert clock.monotonic_s() <= deadline.at_s
    return outcome


def test_all_three_have_their_say(calibration: Calibration, full_tray: Picture) -> None:
    clock = FakeClock()
    measurer = measurer_of(calibration, clock, knowing(calibration))
    measurer.prepare()
    tray = measurer.measure(full_tray, deadline=Deadline.after(4.0, clock))
    assert (tray.outcome.path, tray.outcome.status) == ("full", "measured")
    assert tray.models == {"depth": "fake", "segmentation": "fake"}
    assert {"segmentation", "depth", "fuse"} <= tray.outcome.latency_ms.keys()
    assert measurer.complaint is None
    for well in tray.outcome.compartments:
        assert well.estimates.back_projection == pytest.approx(1.0, abs=0.1)
        assert well.estimates.depth == pytest.approx(0.5, abs=0.05)
        assert well.estimates.segmentation is not None
        # The segmentation is sure: the study's 0.5/0.4/0.1.
        assert well.weights == Weights(back_projection=0.5, depth=0.4, segmentation=0.1)
        assert well.contents is not None
        assert well.contents.solid > 0.95
        told = well.estimates
        fused = 0.5 * told.back_projection + 0.4 * told.depth + 0.1 * told.segmentation
        assert well.leftover == pytest.approx(fused, abs=1e-3)


def test_the_rule_that_was_chosen_joins_by_the_kind_that_segmentation_tells(
    calibration: Calibration, full_tray: Picture
) -> None:
    def depth_alone(estimates: Mapping[str, Estimate], kind: DishKind) -> Fused:
        kinds.append(kind)
        return Fused(estimates["depth"], {"depth": 1.0})

    clock, kinds = FakeClock(), list[DishKind]()
    measurer = TrayMeasurer(
        calibration,
        BackProjectionParameters(),
        clock,
        fusion=depth_alone,
        networks=knowing(calibration),
        fusion_fault="another rule was wanted",
        budget=BUDGET,
    )
    measurer.prepare()
    for well in measurer.measure(full_tray).outcome.compartments:
        assert well.weights == Weights(depth=1.0)
        assert well.leftover == well.estimates.depth
    # These networks take every dish for a solid one.
    assert set(kinds) == {"solid"}
    assert measurer.degraded() == ["another rule was wanted"]


def test_without_networks_back_projection_is_all_and_nothing_is_wrong(
    calibration: Calibration, full_tray: Picture
) -> None:
    clock = FakeClock()
    measurer = measurer_of(calibration, clock, None)
    measurer.prepare()
    tray = measurer.measure(full_tray)
    assert (tray.outcome.path, tray.models, measurer.complaint) == ("fallback", {}, None)
    assert all(well.weights == ALONE and well.contents is None for well in tray.outcome.compartments)
    assert measurer.health() is None


def test_networks_that_are_away_at_the_start_join_when_they_are_back(
    calibration: Calibration, full_tray: Picture
) -> None:
    clock, networks = FakeClock(), knowing(calibration)
    networks.fault = NoDeviceError("the Coral is not plugged in")
    measurer = measurer_of(calibration, clock, networks)
    with pytest.raises(NoDeviceError):
        measurer.prepare()
    assert on_time(measurer, full_tray, clock).path == "fallback"
    assert measurer.complaint == "the Coral is not plugged in"
    networks.fault = None
    measurer.prepare()
    assert on_time(measurer, full_tray, clock).path == "full"
    assert measurer.complaint is None
    asked = dict(networks.asked)
    measurer.prepare()
    assert networks.asked == asked


def test_what_the_references_took_is_kept_when_the_networks_break_off(calibration: Calibration) -> None:
    clock = FakeClock()
    networks = SlowNetworks(knowing(calibration), clock, depth=0.8, segmentation=0.8)
    measurer = measurer_of(calibration, clock, networks)
    with pytest.raises(BrokenRunError):
        measurer.prepare()
    measurer.prepare()
    assert networks.asked == {"depth": 3, "segmentation": 1}


def test_references_are_shown_again_to_other_files_of_the_networks(
    calibration: Calibration, full_tray: Picture
) -> None:
    clock, networks = FakeClock(), knowing(calibration)
    measurer = measurer_of(calibration, clock, networks)
    measurer.prepare()
    networks._versions = {"depth": "other", "segmentation": "other"}
    assert measurer.health()["ready"] is False
    assert on_time(measurer, full_tray, clock).path == "full"
    measurer.prepare()
    assert measurer.health()["ready"] is True
    assert networks.asked["depth"] == 2 + 1 + 2


@pytest.mark.parametrize(
    ("slow", "there"),
    [("segmentation", set[str]()), ("depth", {"segmentation"})],
    ids=str,
)
def test_a_network_that_overruns_is_cut_off_and_the_tray_falls_back(
    calibration: Calibration, full_tray: Picture, slow: str, there: set[str]
) -> None:
    clock = FakeClock()
    networks = SlowNetworks(knowing(calibration), clock)
    measurer = measurer_of(calibration, clock, networks)
    measurer.prepare()
    networks.takes_s = {slow: 60.0}
    deadline = Deadline.after(4.0, clock)
    tray = measurer.measure(full_tray, deadline=deadline)
    assert clock.monotonic_s() <= deadline.at_s
    outcome = tray.outcome
    assert outcome.path == "fallback"
    assert tray.models == dict.fromkeys(there, "fake")
    assert slow in str(measurer.complaint)
    for well in outcome.compartments:
        ran = {name for name in ("depth", "segmentation") if getattr(well.estimates, name) is not None}
        assert ran == there
        assert well.weights == ALONE
        assert well.leftover == well.estimates.back_projection
        assert (well.contents is not None) is ("segmentation" in there)


def test_a_fault_that_stays_is_logged_once(
    calibration: Calibration, full_tray: Picture, caplog: pytest.LogCaptureFixture
) -> None:
    clock, networks = FakeClock(), knowing(calibration)
    measurer = measurer_of(calibration, clock, networks)
    measurer.prepare()

    def logged(*faults: str | None) -> list[str]:
        caplog.clear()
        for fault in faults:
            networks.fault = None if fault is None else BrokenRunError(fault)
            on_time(measurer, full_tray, clock)
        return [record.getMessage() for record in caplog.records]

    assert logged("hung", "hung", "hung") == ["hung"]
    assert logged("died", "died") == ["died"]
    assert logged(None, "died") == ["died"]


def test_an_answer_that_comes_late_does_not_count(calibration: Calibration, full_tray: Picture) -> None:
    clock, networks = FakeClock(), knowing(calibration)
    measurer = measurer_of(calibration, clock, networks)
    measurer.prepare()
    ask = networks._segmentation

    def late(view: Picture) -> object:
        clock.sleep_s(10.0)
        return ask(view)

    networks._segmentation = late
    outcome = measurer.measure(full_tray, deadline=Deadline.after(4.0, clock)).outcome
    assert outcome.path == "fallback"
    assert outcome.compartments[0].contents is None
    assert (outcome.status, outcome.reason) == ("degraded", "measured after the deadline")


def test_a_stage_that_would_not_fit_is_not_started(calibration: Calibration, full_tray: Picture) -> None:
    clock = FakeClock()
    networks = SlowNetworks(knowing(calibration), clock)
    measurer = measurer_of(calibration, clock, networks)
    measurer.prepare()
    networks.takes_s = {"segmentation": 0.3, "depth": 0.3}
    assert on_time(measurer, full_tray, clock).path == "full"
    asked = dict(networks.asked)
    assert on_time(measurer, full_tray, clock, left_s=0.2).path == "fallback"
    assert networks.asked == asked
    # Time for the first of them only.
    assert on_time(measurer, full_tray, clock, left_s=0.5).path == "fallback"
    assert networks.asked == {**asked, "segmentation": asked["segmentation"] + 1}
    assert on_time(measurer, full_tray, clock, left_s=0.7).path == "full"


def test_networks_that_were_slow_for_a_while_are_tried_again(
    calibration: Calibration, full_tray: Picture
) -> None:
    clock = FakeClock()
    networks = SlowNetworks(knowing(calibration), clock)
    measurer = measurer_of(calibration, clock, networks)
    measurer.prepare()
    networks.takes_s = {"segmentation": 60.0}
    assert on_time(measurer, full_tray, clock, left_s=3.9).path == "fallback"
    networks.takes_s = {}
    paths = [on_time(measurer, full_tray, clock, left_s=3.8).path for _ in range(PATIENCE + 2)]
    assert paths == ["fallback"] * PATIENCE + ["full"] * 2


def test_a_tray_without_time_for_back_projection_is_too_late(calibration: Calibration) -> None:
    clock = FakeClock()
    measurer = measurer_of(calibration, clock, None)
    assert measurer.too_late(Deadline.after(0.0, clock))
    assert not measurer.too_late(Deadline.after(0.1, clock))
    measurer._durations.add("locate", 0.3)
    assert measurer.too_late(Deadline.after(0.1, clock))
    # One that hung once is no reason to give up trays that have time.
    measurer._durations.add("locate", 30.0)
    assert not measurer.too_late(Deadline.after(4.0, clock))


def test_a_well_that_something_foreign_covers_is_flagged_unsure_and_not_rejected(
    calibration: Calibration, full_tray: Picture
) -> None:
    clock = FakeClock()
    outcomes = []
    for covered in (None, 1):
        measurer = measurer_of(calibration, clock, knowing(calibration, covered=covered))
        measurer.prepare()
        outcomes.append(on_time(measurer, full_tray, clock))
    seen, hidden = (outcome.compartments[0] for outcome in outcomes)
    assert (outcomes[1].path, outcomes[1].status) == ("full", "degraded")
    assert outcomes[1].reason == "compartment 1 mostly hidden by something foreign"
    assert {"covered", "foreign"} <= set(hidden.flags)
    assert hidden.contents.foreign > 0.9
    assert hidden.uncertainty > max(0.2, seen.uncertainty)
    assert not {"covered", "foreign"} & set(outcomes[1].compartments[1].flags)


def test_a_covered_well_is_unsure_also_where_depth_did_not_run(
    calibration: Calibration, full_tray: Picture
) -> None:
    clock = FakeClock()
    networks = SlowNetworks(knowing(calibration, covered=1), clock)
    measurer = measurer_of(calibration, clock, networks)
    measurer.prepare()
    networks.takes_s = {"depth": 60.0}
    outcome = on_time(measurer, full_tray, clock)
    assert (outcome.path, outcome.status) == ("fallback", "degraded")
    assert "covered" in outcome.compartments[0].flags
    assert outcome.compartments[0].uncertainty > 0.25 > outcome.compartments[1].uncertainty


def test_a_network_that_breaks_costs_one_tray_its_part(calibration: Calibration, full_tray: Picture) -> None:
    clock, networks = FakeClock(), knowing(calibration)
    measurer = measurer_of(calibration, clock, networks)
    measurer.prepare()
    networks.fault = BrokenRunError("the networks' process died")
    assert on_time(measurer, full_tray, clock).path == "fallback"
    assert measurer.complaint == "the networks' process died"
    networks.fault = None
    assert on_time(measurer, full_tray, clock).path == "full"
    assert measurer.complaint is None


def test_health_tells_of_the_networks_and_closing_lets_them_go(calibration: Calibration) -> None:
    networks: FakeNetworks = knowing(calibration)
    networks.said = ("no Coral: the processor stands in",)
    measurer = measurer_of(calibration, FakeClock(), networks)
    assert measurer.health() == {
        "device": "cpu",
        "versions": {"depth": "fake", "segmentation": "fake"},
        "ready": False,
        "complaints": ["no Coral: the processor stands in"],
    }
    assert measurer.degraded() == [
        "back projection measures alone: the networks have not seen the references yet",
        "no Coral: the processor stands in",
    ]
    measurer.close()
    assert networks.closed
