from hypothesis import given
from hypothesis import strategies as st

from appliance.bucket import TokenBucket

STEPS_S = st.lists(st.floats(0, 1000), max_size=200)


@given(st.integers(1, 20), st.floats(0.001, 10), STEPS_S)
def test_no_stretch_of_time_sees_more_than_a_burst_and_what_came_in_it(
    burst: int, per_s: float, steps_s: list[float]
) -> None:
    bucket, now_s = TokenBucket(burst, per_s, 0.0), 0.0
    taken_s = []
    for step_s in steps_s:
        now_s += step_s
        if bucket.take(now_s):
            taken_s.append(now_s)
    for first, start_s in enumerate(taken_s):
        for last in range(first, len(taken_s)):
            assert last - first + 1 <= burst + (taken_s[last] - start_s) * per_s + 1e-6


@given(st.integers(1, 20), st.floats(0.001, 10))
def test_a_burst_passes_and_then_one_for_each_share_of_time(burst: int, per_s: float) -> None:
    bucket = TokenBucket(burst, per_s, 0.0)
    assert [bucket.take(0.0) for _ in range(burst + 1)] == [True] * burst + [False]
    assert not bucket.take(0.5 / per_s)
    assert bucket.take(1.01 / per_s)
    assert not bucket.take(1.01 / per_s)


def test_a_clock_that_goes_back_gives_nothing() -> None:
    bucket = TokenBucket(1, 1.0, 100.0)
    assert bucket.take(100.0)
    assert not bucket.take(0.0)
    assert not bucket.take(100.5)
    assert bucket.take(101.0)
