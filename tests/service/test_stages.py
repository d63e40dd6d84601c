import pytest

from appliance.service.stages import Stages
from tests.camera.fake_clock import FakeClock


def test_stages_add_up_and_total_runs_from_the_trigger() -> None:
    clock = FakeClock()
    triggered_s = clock.monotonic_s()
    clock.sleep_s(0.25)
    stages = Stages(clock, since_s=triggered_s)
    stages.add("wait", 0.25)
    for _ in range(2):
        with stages.time("locate"):
            clock.sleep_s(0.05)
    latency_ms = stages.latency_ms()
    assert latency_ms == pytest.approx({"wait": 250, "locate": 100, "total": 350})


def test_a_stage_that_raises_is_timed_too() -> None:
    clock = FakeClock()
    stages = Stages(clock)

    def break_off() -> None:
        with stages.time("locate"):
            clock.sleep_s(0.1)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert stages.latency_ms()["locate"] == pytest.approx(100)
