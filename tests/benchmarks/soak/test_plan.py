from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.soak.plan import KINDS, LASTING_S, OF_THE_SERVICE, schedule


def test_same_seed_same_faults() -> None:
    one, again, other = (schedule(KINDS, minutes=20, every_s=30, quiet_s=10, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert one != other


@given(st.floats(1, 120), st.floats(5, 120), st.integers(0, 99), st.sets(st.sampled_from(KINDS), min_size=1))
def test_every_fault_has_its_own_time_and_is_over_before_the_next(
    minutes: float, every_s: float, seed: int, kinds: set[str]
) -> None:
    ordered = [kind for kind in KINDS if kind in kinds]
    faults = schedule(ordered, minutes=minutes, every_s=every_s, quiet_s=10, seed=seed)
    assert len(faults) == max(0, int((60 * minutes - 20) / every_s))
    for number, fault in enumerate(faults):
        assert 10 + number * every_s <= fault.at_s <= 10 + (number + 0.5) * every_s
        least_s, most_s = LASTING_S.get(fault.kind, (0.0, 0.0))
        assert least_s <= fault.lasts_s <= most_s


def test_kinds_take_turns_and_what_ends_the_service_comes_last() -> None:
    faults = schedule(KINDS, minutes=60, every_s=60, quiet_s=10, seed=3)
    counts = Counter(fault.kind for fault in faults)
    gentle = [counts[kind] for kind in KINDS if kind not in OF_THE_SERVICE]
    assert max(gentle) - min(gentle) <= 1
    fatal = [fault.kind in OF_THE_SERVICE for fault in faults]
    assert fatal == sorted(fatal)
    assert sum(fatal) == pytest.approx(len(faults) / 10, abs=1)
    assert set(OF_THE_SERVICE) <= counts.keys()


def test_without_what_ends_the_service_all_of_the_time_is_the_others() -> None:
    kinds = [kind for kind in KINDS if kind not in OF_THE_SERVICE]
    assert len(schedule(kinds, minutes=10, every_s=10, quiet_s=10, seed=1)) == 58
