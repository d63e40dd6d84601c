import threading
from itertools import pairwise
from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from appliance.readings.uuid7 import Uuid7Generator, uuid7

_FIRST_MS = 1_700_000_000_000


@given(st.lists(st.integers(0, 3_000_000_000_000), min_size=1, max_size=50))
def test_increase_whatever_the_clock_does(times_ms: list[int]) -> None:
    clock = iter(times_ms)
    make = Uuid7Generator(lambda: next(clock) * 1_000_000)
    made = [make() for _ in times_ms]
    assert all(one < next_one for one, next_one in pairwise(made))
    assert {(one.version, one.variant) for one in made} == {(7, RFC_4122)}


@given(st.integers(0, (1 << 48) - 1))
def test_begin_with_the_millisecond(time_ms: int) -> None:
    assert Uuid7Generator(lambda: time_ms * 1_000_000)().int >> 80 == time_ms


def test_a_full_counter_runs_into_the_next_millisecond() -> None:
    make = Uuid7Generator(lambda: _FIRST_MS * 1_000_000)
    make()
    make._counter = (1 << 42) - 2
    last_of_this, first_of_next = make(), make()
    assert (last_of_this.int >> 80, first_of_next.int >> 80) == (_FIRST_MS, _FIRST_MS + 1)


def test_threads_never_share_one() -> None:
    made: list[list[UUID]] = [[] for _ in range(4)]
    threads = [
        threading.Thread(target=lambda own=own: own.extend(uuid7() for _ in range(500))) for own in made
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one for own in made for one in own}) == 2000
    assert all(own == sorted(own) for own in made)
