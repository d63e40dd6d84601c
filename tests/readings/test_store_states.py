"""The store in any order of events, against a list and a set."""

import tempfile
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from appliance.readings.settings import StoreSettings
from appliance.readings.store import Counts, Store
from tests.readings.clocks import SetClock
from tests.readings.examples import draft


class StoreMachine(RuleBasedStateMachine):
    """Adds, sends, prunes, restarts, and turns the clock."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clock = SetClock()
        self.unsent: list[UUID] = []
        self.sent_at_s: dict[UUID, float] = {}
        self.added = 0
        self.open()

    def open(self) -> None:
        self.store = Store(
            Path(self.folder.name) / "readings.db", StoreSettings(keep_sent_days=1.0), self.clock
        )
        self.store.open()
        self.forget()

    def forget(self) -> None:
        oldest_s = self.clock.utc().timestamp() - 86_400
        self.sent_at_s = {id_: at_s for id_, at_s in self.sent_at_s.items() if at_s >= oldest_s}

    @rule()
    def add(self) -> None:
        reading = self.store.add(draft(captured_at=self.clock.utc()))
        self.added += 1
        assert reading.sequence == self.added
        self.unsent.append(reading.id)

    @rule(data=st.data())
    def mark_sent(self, data: st.DataObject) -> None:
        chosen = data.draw(st.sets(st.sampled_from(self.unsent))) if self.unsent else set()
        self.store.mark_sent([*chosen, *self.sent_at_s])
        self.unsent = [id_ for id_ in self.unsent if id_ not in chosen]
        self.sent_at_s |= dict.fromkeys(chosen, self.clock.utc().timestamp())

    @rule(hours=st.integers(-100, 100))
    def turn_the_clock(self, hours: int) -> None:
        self.clock.now += timedelta(hours=hours)

    @rule()
    def prune(self) -> None:
        self.store.prune(self.clock.utc())
        self.forget()

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.open()

    @invariant()
    def nothing_is_lost_or_out_of_order(self) -> None:
        assert [waiting.id for waiting in self.store.pending(1000)] == self.unsent
        assert self.store.counts() == Counts(len(self.unsent), len(self.sent_at_s), 0)

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


StoreMachine.TestCase.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
TestStore = StoreMachine.TestCase
