import math
from statistics import median

from hypothesis import given
from hypothesis import strategies as st

from appliance.health.latency import (
    COMPLAINT,
    FEWEST_TRAYS,
    HELD_S,
    LATE_S,
    LATE_TRAYS,
    SLOW,
    WELL,
    LatencyWatch,
)

MS = st.floats(1, 10_000)
TRAYS = st.lists(st.tuples(st.floats(0, 120), MS), max_size=150)


def fed(watch: LatencyWatch, trays: int, ms: float, *, since_s: float, way: str = "full") -> float:
    """Feed a tray every two seconds; return the time of the last one."""
    now_s = since_s
    for _ in range(trays):
        now_s += 2.0
        watch.add(now_s, ms, way)
    return now_s


def test_a_box_that_is_as_it_was_has_no_drift() -> None:
    watch = LatencyWatch()
    now_s = fed(watch, 100, 200.0, since_s=0.0)
    figures = watch.figures(now_s)
    assert (figures.trays, figures.p50_ms, figures.p95_ms, figures.drift) == (LATE_TRAYS, 200, 200, 1.0)
    assert watch.complaint(now_s) is None


def test_trays_that_become_slow_and_stay_so_are_told() -> None:
    watch = LatencyWatch()
    now_s = fed(watch, LATE_TRAYS, 200.0, since_s=0.0)
    now_s = fed(watch, LATE_TRAYS // 2, 400.0, since_s=now_s)
    slow_since_s = now_s
    assert watch.complaint(now_s) is None
    while watch.complaint(now_s) is None:
        now_s = fed(watch, 1, 400.0, since_s=now_s)
    assert watch.complaint(now_s) == COMPLAINT
    assert HELD_S <= now_s - slow_since_s <= HELD_S + 2.0
    assert watch.figures(now_s).drift == 2.0
    now_s = fed(watch, LATE_TRAYS, 200.0, since_s=now_s)
    assert watch.complaint(now_s) is None


def test_a_short_slow_spell_is_not_told() -> None:
    watch = LatencyWatch()
    now_s = fed(watch, LATE_TRAYS, 200.0, since_s=0.0)
    for _ in range(20):
        now_s = fed(watch, LATE_TRAYS, 400.0, since_s=now_s)
        assert watch.complaint(now_s) is None
        now_s = fed(watch, LATE_TRAYS, 200.0, since_s=now_s)


def test_a_complaint_does_not_come_and_go_between_the_two_bounds() -> None:
    watch = LatencyWatch()
    now_s = fed(watch, LATE_TRAYS, 200.0, since_s=0.0)
    now_s = fed(watch, 200, 200.0 * (SLOW + 0.1), since_s=now_s)
    for _ in range(LATE_TRAYS):
        now_s = fed(watch, 1, 200.0 * (WELL + SLOW) / 2, since_s=now_s)
        assert watch.complaint(now_s) == COMPLAINT


def test_a_pause_is_forgotten() -> None:
    watch = LatencyWatch()
    now_s = fed(watch, LATE_TRAYS, 200.0, since_s=0.0)
    now_s = fed(watch, 200, 400.0, since_s=now_s)
    assert watch.complaint(now_s) == COMPLAINT
    now_s += LATE_S + 1.0
    assert watch.complaint(now_s) is None
    assert watch.figures(now_s).trays == 0
    assert watch.figures(now_s).p50_ms is None


def test_ways_of_measuring_are_not_compared() -> None:
    watch = LatencyWatch()
    now_s = fed(watch, 200, 50.0, since_s=0.0, way="fallback")
    now_s = fed(watch, 200, 200.0, since_s=now_s, way="full")
    assert watch.figures(now_s).drift == 1.0
    assert watch.complaint(now_s) is None


def test_trays_that_fall_back_now_and_then_do_not_hide_that_the_others_are_slow() -> None:
    watch = LatencyWatch()
    now_s = fed(watch, LATE_TRAYS, 200.0, since_s=0.0)
    for _ in range(60):
        now_s = fed(watch, 2, 400.0, since_s=now_s)
        now_s = fed(watch, 1, 50.0, since_s=now_s, way="fallback")
    assert watch.complaint(now_s) == COMPLAINT


def test_a_few_quick_trays_make_no_best() -> None:
    watch = LatencyWatch()
    now_s = fed(watch, LATE_TRAYS // 2 - 1, 20.0, since_s=0.0)
    now_s = fed(watch, 200, 200.0, since_s=now_s)
    assert watch.figures(now_s).drift == 1.0


@given(TRAYS)
def test_figures_are_those_of_the_trays_of_late(trays: list[tuple[float, float]]) -> None:
    watch, now_s, all_trays = LatencyWatch(), 0.0, []
    best_ms = math.inf
    for step_s, ms in trays:
        now_s += step_s
        watch.add(now_s, ms, "full")
        all_trays.append((now_s, ms))
        if len(all_trays) >= LATE_TRAYS:
            best_ms = min(best_ms, median(ms for _, ms in all_trays[-LATE_TRAYS:]))
    late = sorted(ms for when_s, ms in all_trays[-LATE_TRAYS:] if now_s - when_s <= LATE_S)
    figures = watch.figures(now_s)
    assert figures.trays == len(late)
    if late:
        assert figures.p50_ms in late
        assert figures.p50_ms <= figures.p95_ms <= late[-1]
    if len(late) >= FEWEST_TRAYS and best_ms < math.inf:
        assert figures.drift == median(late) / best_ms
    else:
        assert figures.drift is None


@given(TRAYS, st.floats(0.01, 100))
def test_only_the_ratio_counts(trays: list[tuple[float, float]], factor: float) -> None:
    slow, fast, now_s = LatencyWatch(), LatencyWatch(), 0.0
    for step_s, ms in trays:
        now_s += step_s
        slow.add(now_s, ms, "full")
        fast.add(now_s, 2 ** round(math.log2(factor)) * ms, "full")
        assert slow.figures(now_s).drift == fast.figures(now_s).drift
        assert slow.complaint(now_s) == fast.complaint(now_s)


@given(st.lists(st.tuples(st.floats(0, 120), st.floats(100, 100 * WELL * 0.999)), max_size=200))
def test_a_steady_box_is_never_complained_of(trays: list[tuple[float, float]]) -> None:
    watch, now_s = LatencyWatch(), 0.0
    for step_s, ms in trays:
        now_s += step_s
        watch.add(now_s, ms, "full")
        assert watch.complaint(now_s) is None
