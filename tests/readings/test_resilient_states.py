"""Any history of a failing card, of restarts and of acknowledgements: no reading lost, none sent twice."""

from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from appliance.readings import resilient
from appliance.readings.reading import Reading
from appliance.readings.resilient import ResilientStore
from appliance.readings.settings import StoreSettings
from tests.camera.fake_clock import FakeClock
from tests.readings.cards import FailingCard
from tests.readings.examples import draft
from tests.readings.places import in_memory

_LONG_S = 200.0


class AnyHistory(RuleBasedStateMachine):
    """What was added and not acknowledged is what is to be sent, in its order, wherever it is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(resilient, "_BATCH_ROWS", 3)
        self.place = in_memory()
        folder = Path(self.place.name)
        self.memory = folder / "memory"
        self.memory.mkdir()
        self.clock = FakeClock()
        self.card = FailingCard(folder / "card" / "readings.sqlite", StoreSettings(), self.clock)
        self.unsent: list[UUID] = []
        self.last_sequence = 0
        self.start()

    def start(self) -> None:
        self.store = ResilientStore(self.card, StoreSettings(), self.clock, memory_dir=self.memory)
        self.store.open()

    @rule(count=st.integers(1, 5))
    def add(self, count: int) -> None:
        for _ in range(count):
            reading = self.store.add(draft())
            assert reading.sequence == self.last_sequence + 1
            self.last_sequence = reading.sequence
            self.unsent.append(reading.id)

    @rule(limit=st.integers(1, 6), acknowledged=st.sets(st.integers(0, 5)))
    def send(self, limit: int, acknowledged: set[int]) -> None:
        sent = [one.id for one in self.store.pending(limit)]
        assert sent == self.unsent[: len(sent)], "in order"
        done = [one for place, one in enumerate(sent) if place in acknowledged]
        self.store.mark_sent(done)
        self.unsent = [one for one in self.unsent if one not in done]

    @rule(writes=st.booleans())
    def turn(self, writes: bool) -> None:  # noqa: FBT001 - hypothesis passes it by name
        self.card.writes = writes

    @rule(long=st.booleans())
    def tend(self, long: bool) -> None:  # noqa: FBT001 - hypothesis passes it by name
        self.clock.sleep_s(_LONG_S if long else 0.0)
        self.store.tend()

    @rule(killed=st.booleans())
    def restart(self, killed: bool) -> None:  # noqa: FBT001 - hypothesis passes it by name
        if killed:
            self.card.close()
        else:
            self.store.close()
        self.start()

    @invariant()
    def none_is_lost(self) -> None:
        for _ in range(1 + len(self.unsent) // 3):
            self.store.tend()
        waiting = self.store.pending(1000)
        assert [one.id for one in waiting] == self.unsent[: len(waiting)]
        sequences = [Reading.from_json(one.payload).sequence for one in waiting]
        assert sequences == sorted(set(sequences))

    def teardown(self) -> None:
        self.card.writes = True
        self.clock.sleep_s(_LONG_S)
        self.store.tend()
        assert self.store.refuge is None
        assert [one.id for one in self.card.pending(1000)] == self.unsent
        self.store.close()
        self.place.cleanup()
        self.patch.undo()


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(max_examples=40, stateful_step_count=25)
