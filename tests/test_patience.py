from hypothesis import given
from hypothesis import strategies as st

from appliance.patience import Patience

SECONDS = st.floats(0.0, 100.0)


def test_until_something_was_measured_it_is_the_longest() -> None:
    assert Patience(0.5, 3.0, 5.0).limit_s == 3.0


def test_it_is_some_times_the_slowest_of_late_and_forgets_what_was_long_ago() -> None:
    one = Patience(0.5, 3.0, 5.0)
    for seconds in (0.1, 0.2, 0.3):
        one.waited(seconds)
    assert one.limit_s == 1.5
    for _ in range(100):
        one.waited(0.11)
    assert one.limit_s == 0.55


@given(least_s=SECONDS, most_s=SECONDS, waits=st.lists(SECONDS))
def test_it_keeps_within_its_bounds(least_s: float, most_s: float, waits: list[float]) -> None:
    one = Patience(least_s, most_s, 5.0)
    for seconds in waits:
        one.waited(seconds)
    assert min(least_s, most_s) <= one.limit_s <= most_s
