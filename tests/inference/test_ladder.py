from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from appliance.inference.ladder import (
    ABSENT_S,
    FAILURES,
    MOST_S,
    SETTLE_S,
    TRIAL_FIRST_S,
    TRIAL_MOST_S,
    WELL_S,
    WINDOW_S,
    Ladder,
)
from appliance.inference.manifest import Device

BOTH: tuple[Device, ...] = ("edgetpu", "cpu")

MOST_IN_AN_HOUR = 10
"""Remedies: two in a round, whose distances grow from five minutes on, or begin anew after WINDOW_S."""


def longest(_low: float, high: float) -> float:
    return high


def shortest(low: float, _high: float) -> float:
    return low


def ladder(*devices: Device, present: bool = True) -> Ladder:
    return Ladder(devices or BOTH, lambda: present, 0.0, longest)


def fall(one: Ladder, now_s: float = 0.0) -> None:
    one.failed("edgetpu", now_s, lastingly=True)
    without_remedy(one, now_s)
    assert one.down


def without_remedy(one: Ladder, now_s: float) -> None:
    """Nothing can be done to the device, as on PCIe."""
    while one.remedy is not None:
        one.treated(now_s, done=False)


def test_the_edge_tpu_is_first() -> None:
    one = ladder()
    assert (one.device, one.due(None, 0.0), one.down) == ("edgetpu", "edgetpu", False)


def test_without_an_edge_tpu_the_processor_serves_and_one_plugged_in_later_is_found() -> None:
    there = [False]
    one = Ladder(BOTH, lambda: there[0], 0.0, longest)
    assert one.due(None, 0.0) == "cpu"
    assert one.due("cpu", 1.0) is None
    there[0] = True
    assert one.due("cpu", ABSENT_S) is None
    assert one.due("cpu", 1.0 + ABSENT_S) == "edgetpu"
    one.started("edgetpu")
    assert not one.down


def test_only_one_device_is_never_left() -> None:
    for only in BOTH:
        one = ladder(only, present=False)
        for turn in range(20):
            one.failed(only, 100.0 * turn, lastingly=True)
        assert (one.device, one.down) == (only, False)


def test_a_fault_is_answered_by_a_restart_on_the_same_device_at_once_and_the_next_one_later() -> None:
    one = ladder()
    one.failed("edgetpu", 10.0, lastingly=False)
    assert one.due(None, 10.0) == "edgetpu"
    one.failed("edgetpu", 10.5, lastingly=False)
    assert one.due(None, 11.4) is None
    assert one.due(None, 11.5) == "edgetpu"


def test_who_served_well_is_replaced_at_once_again() -> None:
    one = ladder("cpu")
    for turn in range(3):
        now_s = 100.0 * turn
        one.failed("cpu", now_s, lastingly=False)
        assert one.due(None, now_s) == "cpu"
        one.served("cpu", WELL_S)


def test_repeated_faults_hand_the_work_to_the_processor_at_once() -> None:
    one = ladder()
    for turn in range(FAILURES):
        assert one.device == "edgetpu"
        one.started("edgetpu")
        one.failed("edgetpu", 100.0 * turn, lastingly=False)
    assert one.due(None, 100.0 * (FAILURES - 1)) == "cpu"


def test_faults_far_apart_do_not() -> None:
    one = ladder()
    for turn in range(10):
        one.started("edgetpu")
        one.failed("edgetpu", turn * WINDOW_S, lastingly=False)
    assert not one.down


def test_what_no_restart_mends_does_so_the_first_time() -> None:
    one = ladder()
    one.failed("edgetpu", 0.0, lastingly=True)
    assert one.due(None, 0.0) == "cpu"


def test_the_edge_tpu_is_tried_again_at_growing_capped_intervals() -> None:
    one, now_s, waits = ladder(), 0.0, []
    fall(one)
    for _ in range(10):
        since_s = now_s
        while one.due("cpu", now_s) is None:
            now_s += 60.0
        waits.append(now_s - since_s)
        one.failed("edgetpu", now_s, lastingly=False)
        without_remedy(one, now_s)
    assert waits[:3] == [TRIAL_FIRST_S, 2 * TRIAL_FIRST_S, 4 * TRIAL_FIRST_S]
    assert waits[-2:] == [TRIAL_MOST_S, TRIAL_MOST_S]


def test_one_fault_ends_a_trial_and_three_are_needed_after_it_has_proved_itself() -> None:
    one = ladder()
    fall(one)
    one.started("edgetpu")
    one.failed("edgetpu", 700.0, lastingly=False)
    assert one.down
    one.started("edgetpu")
    one.served("edgetpu", WINDOW_S)
    one.failed("edgetpu", 5000.0, lastingly=False)
    assert not one.down
    fall(one, 6000.0)
    assert one.due("cpu", 6000.0 + TRIAL_FIRST_S) == "edgetpu", "the intervals began anew"


def test_the_rungs_come_in_their_order_each_with_a_trial() -> None:
    one, now_s, seen = ladder(), 0.0, list[str]()
    one.failed("edgetpu", now_s, lastingly=True)
    while now_s < TRIAL_FIRST_S + 100.0:
        if one.remedy is not None:
            seen.append(one.remedy)
            one.treated(now_s, done=True)
        elif one.due("cpu", now_s) is not None:
            seen.append("trial")
            one.failed("edgetpu", now_s, lastingly=True)
        now_s += 0.5
    assert seen == [*["reset", "trial", "power", "trial"], *["trial", "reset", "trial", "power", "trial"]]


def test_no_process_starts_on_a_device_that_is_being_treated() -> None:
    for only in (BOTH, BOTH[:1]):
        one = ladder(*only)
        one.failed("edgetpu", 0.0, lastingly=True)
        assert one.remedy == "reset"
        assert "edgetpu" not in {one.due(None, 1e6), one.due("cpu", 1e6)}
        one.treated(10.0, done=True)
        assert one.due("cpu" if only == BOTH else None, 10.0 + SETTLE_S) == "edgetpu"


def test_an_edge_tpu_that_has_left_the_bus_gets_its_port_switched_and_is_used_when_it_is_back() -> None:
    there = [True]
    one = Ladder(BOTH, lambda: there[0], 0.0, longest)
    there[0] = False
    one.failed("edgetpu", 0.0, lastingly=True)
    one.treated(0.0, done=False)
    assert one.remedy == "power", "what is not there cannot be reset"
    one.treated(1.0, done=True)
    assert one.due("cpu", 1.0 + SETTLE_S) is None
    there[0] = True
    assert one.due("cpu", 1.0 + SETTLE_S + ABSENT_S) == "edgetpu"


def test_nothing_is_done_for_an_edge_tpu_that_never_was() -> None:
    one = ladder(present=False)
    for minute in range(1000):
        assert one.due("cpu", 60.0 * minute) is None
        assert one.remedy is None


def test_while_the_edge_tpu_serves_nothing_is_due() -> None:
    one = ladder()
    one.started("edgetpu")
    assert one.due("edgetpu", 10 * TRIAL_MOST_S) is None


@given(
    devices=st.sampled_from([("cpu",), ("edgetpu",), BOTH]),
    step_s=st.floats(0.01, 5.0),
    lastingly=st.booleans(),
)
def test_starts_are_few_in_any_minute_however_fast_they_fail(
    *, devices: tuple[Device, ...], step_s: float, lastingly: bool
) -> None:
    one, starts, now_s = Ladder(devices, lambda: True, 0.0, shortest), [], 0.0
    while now_s < 600:
        without_remedy(one, now_s)
        if (device := one.due(None, now_s)) is not None:
            starts.append(now_s)
            one.failed(device, now_s, lastingly=lastingly)
        now_s += step_s
    assert starts
    assert max(sum(start <= other < start + 60 for other in starts) for start in starts) <= 8 + FAILURES
    assert starts[-1] >= 600 - MOST_S - step_s, "it never gives up"


class AnyHistory(RuleBasedStateMachine):
    """Whatever happens: somebody may always serve, and the processor is never left without a reason."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.there = True
        self.serving: Device | None = None
        self.remedies: list[tuple[float, str]] = []
        self.ladder = Ladder(BOTH, lambda: self.there, 0.0)

    @rule(seconds=st.floats(0, 30_000))
    def time_passes(self, seconds: float) -> None:
        self.now_s += seconds
        if self.serving is not None:
            self.ladder.served(self.serving, seconds)

    @rule(there=st.booleans())
    def it_is_plugged(self, *, there: bool) -> None:
        self.there = there

    @rule(done=st.booleans())
    def what_is_asked_for_is_done(self, *, done: bool) -> None:
        if (remedy := self.ladder.remedy) is not None and self.serving != "edgetpu":
            if done:
                self.remedies.append((self.now_s, remedy))
            self.ladder.treated(self.now_s, done=done)

    @rule(works=st.booleans(), lastingly=st.booleans())
    def what_is_due_is_started(self, *, works: bool, lastingly: bool) -> None:
        device = self.ladder.due(self.serving, self.now_s)
        if device is None:
            return
        if works:
            self.serving = device
            self.ladder.started(device)
        else:
            self.ladder.failed(device, self.now_s, lastingly=lastingly)

    @rule(lastingly=st.booleans())
    def what_serves_fails(self, *, lastingly: bool) -> None:
        if self.serving is not None:
            self.ladder.failed(self.serving, self.now_s, lastingly=lastingly)
            self.serving = None

    @invariant()
    def someone_starts_within_the_longest_backoff(self) -> None:
        if self.serving is None:
            assert self.ladder.due(None, self.now_s + MOST_S) == self.ladder.device

    @invariant()
    def a_device_is_treated_only_while_the_processor_does_its_work(self) -> None:
        assert self.ladder.remedy is None or self.ladder.down

    @invariant()
    def remedies_are_few_in_any_hour(self) -> None:
        for since_s, _ in self.remedies:
            assert sum(since_s <= at_s < since_s + 3600.0 for at_s, _ in self.remedies) <= MOST_IN_AN_HOUR

    @invariant()
    def who_serves_is_who_should(self) -> None:
        if self.serving == "edgetpu":
            assert not self.ladder.down


TestAnyHistory = AnyHistory.TestCase
