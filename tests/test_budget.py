import pytest
from annotated_types import Le
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from appliance.budget import END_STEP_S, LONGEST_TRAY_S, WATCHDOG_S, Budget, DeadlineSettings
from appliance.camera import csi
from appliance.camera.settings import PicameraSettings, UsbSettings
from appliance.health import endpoint
from appliance.logs import journal
from appliance.readings import database
from appliance.service import recorder


def most(model: type[BaseModel], key: str) -> float:
    """The largest value that a setting may have."""
    return next(float(str(limit.le)) for limit in model.model_fields[key].metadata if isinstance(limit, Le))


TOTAL_S = st.floats(1.0, LONGEST_TRAY_S)
CAMERAS = st.sampled_from([PicameraSettings, UsbSettings])

PROCESS_START_S = 2.0
"""For a camera's worker to start: half a second here, and a Raspberry Pi 4 is a few times as slow."""

SLOW_WRITE_S = 0.2
"""A reading's way to a worn card: fsync(2) twice."""


@given(TOTAL_S)
def test_no_legal_setting_lets_a_healthy_service_starve_its_watchdog(total_s: float) -> None:
    budget = Budget.of(DeadlineSettings(total_s=total_s))
    assert budget.longest_gap_s < budget.watchdog_s == WATCHDOG_S
    # systemd.service(5) asks for a feed at least every half of WatchdogSec.
    assert budget.feed_s <= WATCHDOG_S / 2


@given(total_s=TOTAL_S, warm_up=st.floats(0, 1), kind=CAMERAS)
def test_a_camera_that_recovers_is_never_called_unable(
    total_s: float, warm_up: float, kind: type[BaseModel]
) -> None:
    """Every legal way of the line's thread from one frame to the next, each step at its longest."""
    budget = Budget.of(DeadlineSettings(total_s=total_s))
    focus_s = csi._FOCUS_S if kind is PicameraSettings else 0.0
    start_s = PROCESS_START_S + warm_up * most(kind, "warm_up_s") + focus_s
    assert start_s <= budget.camera_open_s
    killed_s = END_STEP_S
    ways = {
        "the next frame": budget.camera_stall_s,
        "it stalls": budget.camera_stall_s + killed_s + start_s,
        "it fails": killed_s + start_s,
        "it is dark": budget.camera_stall_s + 3 * END_STEP_S + start_s,
        "the second attempt": budget.camera_stall_s
        + 2 * killed_s
        + budget.camera_retry_s
        + budget.usb_reset_s
        + budget.camera_open_s,
        "a tray that finds the queue full": budget.camera_stall_s + longest_storing_s(budget),
    }
    assert {way: seconds for way, seconds in ways.items() if seconds > budget.camera_away_s} == {}


def longest_storing_s(budget: Budget) -> float:
    """Both threads store, one after the other, each with some that waited."""
    return 2 * (budget.store_busy_s + (recorder._AT_ONCE + 1) * SLOW_WRITE_S)


@given(TOTAL_S)
def test_no_tray_takes_so_long_that_the_watchdog_bites(total_s: float) -> None:
    """What a disk that was full adds to `total_s` is borne by the watchdog."""
    budget = Budget.of(DeadlineSettings(total_s=total_s))
    longest_s = budget.measure_s + longest_storing_s(budget)
    assert longest_s + budget.feed_s < WATCHDOG_S


@given(TOTAL_S)
def test_a_fault_is_ended_by_a_restart_soon(total_s: float) -> None:
    """From the last frame to the watchdog's bite, whatever hangs: a minute is all that a fault may cost."""
    budget = Budget.of(DeadlineSettings(total_s=total_s))
    assert max(budget.camera_away_s, budget.camera_ailing_s, budget.total_s) + WATCHDOG_S <= 60.0


@given(TOTAL_S)
def test_what_has_figures_of_its_own_keeps_to_the_budget(total_s: float) -> None:
    budget = Budget.of(DeadlineSettings(total_s=total_s))
    assert budget.store_busy_s >= database._BUSY_TIMEOUT_S
    assert budget.start_s(store_mb=0.0) >= 3 * database._CHECK_S
    assert budget.scrape_stop_s >= endpoint._STOP_S
    assert journal._SEND_S <= END_STEP_S / 10
    assert budget.network_hang_least_s <= budget.network_hang_s <= budget.measure_s
    assert budget.camera_silence_s <= budget.camera_stall_s


def test_deadline_settings_end_where_the_budget_does() -> None:
    assert most(DeadlineSettings, "total_s") == LONGEST_TRAY_S
    assert Budget.of(DeadlineSettings()).total_s == 5.0


@given(st.floats(1.0, LONGEST_TRAY_S))
def test_a_trays_share_is_spent_once(total_s: float) -> None:
    budget = Budget(total_s)
    assert budget.measure_s > 0
    assert budget.store_s > 0
    assert budget.measure_s + budget.store_s == pytest.approx(total_s)


@pytest.mark.parametrize("camera", [PicameraSettings, UsbSettings])
def test_no_legal_camera_setting_outlasts_its_share(camera: type[BaseModel]) -> None:
    budget = Budget.of(DeadlineSettings())
    # A camera that warms up for its longest still has as long again to start its process and to give a frame.
    assert 2 * most(camera, "warm_up_s") <= budget.camera_open_s
    assert most(camera, "max_age_s") <= budget.camera_stall_s
    assert budget.frame_wait_s <= budget.camera_stall_s
