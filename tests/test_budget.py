import pytest
from annotated_types import Le
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from appliance.budget import LONGEST_TRAY_S, WATCHDOG_S, Budget, DeadlineSettings
from appliance.camera.settings import PicameraSettings, UsbSettings


def most(model: type[BaseModel], key: str) -> float:
    """The largest value that a setting may have."""
    return next(float(str(limit.le)) for limit in model.model_fields[key].metadata if isinstance(limit, Le))


@given(st.floats(1.0, LONGEST_TRAY_S))
def test_no_legal_setting_lets_a_healthy_service_starve_its_watchdog(total_s: float) -> None:
    budget = Budget.of(DeadlineSettings(total_s=total_s))
    assert budget.longest_gap_s < budget.watchdog_s == WATCHDOG_S
    # systemd.service(5) asks for a feed at least every half of WatchdogSec.
    assert budget.feed_s <= WATCHDOG_S / 2


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
