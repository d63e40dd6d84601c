import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.service.durations import PATIENCE, Durations

AMPLE_S = 2.0


def took(*seconds: float) -> Durations:
    durations = Durations()
    for one in seconds:
        durations.add("depth", one)
    return durations


def test_a_stage_that_never_ran_is_tried() -> None:
    assert took().fits("depth", 0.1, AMPLE_S)
    assert not took().fits("depth", 0.0, AMPLE_S)


@pytest.mark.parametrize(("remaining_s", "fits"), [(0.5, True), (0.29, False)])
def test_a_stage_has_to_fit_by_what_it_took(remaining_s: float, *, fits: bool) -> None:
    assert took(0.1, 0.3, 0.2).fits("depth", remaining_s, AMPLE_S) is fits


def test_one_slow_run_in_many_does_not_count_and_three_do() -> None:
    quick = [0.1] * 38
    assert took(*quick, 3.0).fits("depth", 0.2, AMPLE_S)
    assert not took(*quick, 3.0, 3.0, 3.0).fits("depth", 0.2, AMPLE_S)


def test_what_is_long_ago_is_forgotten() -> None:
    assert took(*[3.0] * 40, *[0.1] * 40).fits("depth", 0.2, AMPLE_S)


def test_stages_do_not_mix_and_their_sum_is_told() -> None:
    durations = took(3.0)
    durations.add("locate", 0.2)
    assert durations.fits("locate", 0.3, AMPLE_S)
    assert durations.p95_s("locate", "depth", "never") == pytest.approx(3.2)


def until_tried(durations: Durations, remaining_s: float = 2.5) -> int:
    """Return how many trays go without the stage before it is tried."""
    return next(n for n in range(10 * PATIENCE) if durations.fits("depth", remaining_s, AMPLE_S))


def test_a_slow_stage_is_tried_again_and_again_but_seldom() -> None:
    durations = took(*[4.0] * 40)
    for _ in range(3):
        assert until_tried(durations) == PATIENCE
        durations.add("depth", 4.0)


def test_a_stage_that_is_fast_again_is_back_at_once() -> None:
    durations = took(*[4.0] * 40)
    assert until_tried(durations) == PATIENCE
    durations.add("depth", 0.1)
    assert durations.fits("depth", 0.2, AMPLE_S)


def test_a_tray_that_is_late_is_no_reason_to_try_a_slow_stage() -> None:
    durations = took(*[4.0] * 40)
    assert not any(durations.fits("depth", 1.9, AMPLE_S) for _ in range(5 * PATIENCE))
    assert until_tried(durations) == PATIENCE


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 5)), max_size=200))
def test_no_history_starves_a_stage(history: list[tuple[float, float]]) -> None:
    durations = Durations()
    for remaining_s, took_s in history:
        if durations.fits("depth", remaining_s, AMPLE_S):
            durations.add("depth", took_s)
    assert until_tried(durations) <= PATIENCE
