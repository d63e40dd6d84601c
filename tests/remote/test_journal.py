"""The journal in any order of events, with crashes between them, against a dictionary."""

import sqlite3
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from appliance.errors import CommandError
from appliance.remote.journal import Entry, Journal
from tests.readings.clocks import SetClock

LIFE = timedelta(minutes=10)


class JournalMachine(RuleBasedStateMachine):
    """Begins, finishes, tells, repeats, lets time pass, and crashes."""

    @initialize()
    def begin_all(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clock = SetClock()
        self.results: dict[UUID, str | None] = {}
        self.untold: dict[UUID, datetime] = {}
        self.expires: dict[UUID, datetime] = {}
        self.journal = Journal(Path(self.folder.name) / "commands.sqlite")
        self.journal.open(lambda _entry: "interrupted", self.clock.utc())

    @rule()
    def begin(self) -> None:
        # In the order in which they began, the same in every run.
        id_ = UUID(int=len(self.results))
        assert self.journal.find(id_) is None
        assert self.journal.begin(Entry(id_, "menu", "d", None), self.clock.utc(), self.clock.utc() + LIFE)
        self.results[id_] = None
        self.expires[id_] = self.clock.utc() + LIFE

    def _worth_telling(self, id_: UUID) -> datetime:
        return max(self.clock.utc(), self.expires[id_]) + timedelta(hours=1)

    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        if self.results:
            id_ = data.draw(st.sampled_from(sorted(self.results)))
            assert self.journal.finish(id_, f"result of {id_}", self.clock.utc()) is (
                self.results[id_] is None
            )
            if self.results[id_] is None:
                self.results[id_] = f"result of {id_}"
                self.untold[id_] = self._worth_telling(id_)

    @rule(data=st.data())
    def tell(self, data: st.DataObject) -> None:
        if self.untold:
            id_ = data.draw(st.sampled_from(sorted(self.untold)))
            self.journal.told(id_)
            del self.untold[id_]

    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        if self.results:
            id_ = data.draw(st.sampled_from(sorted(self.results)))
            with pytest.raises(CommandError, match="UNIQUE"):
                self.journal.begin(Entry(id_, "menu", "d", None), self.clock.utc(), self.clock.utc() + LIFE)
            self.journal.tell_again(id_, self.clock.utc())
            if self.results[id_] is not None:
                self.untold[id_] = self._worth_telling(id_)

    @rule(minutes=st.integers(0, 30))
    def wait(self, minutes: int) -> None:
        self.clock.pass_s(60 * minutes)

    @rule()
    def crash(self) -> None:
        # What was committed is all that a crash leaves; a new process opens the same file.
        crashed, self.journal = self.journal, Journal(Path(self.folder.name) / "commands.sqlite")
        assert crashed._connection is not None
        crashed._connection.close()
        self.journal.open(lambda entry: f"interrupted {entry.id}", self.clock.utc())
        for id_, result in self.results.items():
            if result is None:
                self.results[id_] = f"interrupted {id_}"
                self.untold[id_] = self._worth_telling(id_)

    @invariant()
    def agrees(self) -> None:
        for id_, result in self.results.items():
            entry = self.journal.find(id_)
            assert entry is not None
            assert entry.result == result
        worth_telling = {id_ for id_, until in self.untold.items() if until > self.clock.utc()}
        assert {entry.id for entry in self.journal.waiting(self.clock.utc())} == worth_telling

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            self.journal.close()
            self.folder.cleanup()


TestJournal = JournalMachine.TestCase
TestJournal.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


def opened(file: Path) -> Journal:
    journal = Journal(file)
    journal.open(lambda _entry: "interrupted", SetClock().utc())
    return journal


def begun(journal: Journal, clock: SetClock, command: str = "menu") -> UUID | None:
    id_ = uuid4()
    fits = journal.begin(Entry(id_, command, "digest", None), clock.utc(), clock.utc() + LIFE)
    return id_ if fits else None


def test_it_stays_small_and_forgets_nothing_that_could_come_again(tmp_path: Path, clock: SetClock) -> None:
    journal = opened(tmp_path / "j.sqlite")
    ids = [begun(journal, clock) for _ in range(100)]
    assert None not in ids
    assert begun(journal, clock) is None, "all could still come again"
    for id_ in ids[:60]:
        assert id_ is not None
        journal.finish(id_, "{}", clock.utc())
    clock.pass_s(601)
    # Those that were never finished are kept: they are under way.
    assert not journal.may_be_forgotten(clock.utc())
    later = [begun(journal, clock) for _ in range(60)]
    forgotten = clock.utc() - timedelta(seconds=1)
    assert [journal.may_be_forgotten(forgotten + one) for one in (timedelta(), timedelta(seconds=1))] == [
        True,
        False,
    ]
    assert None not in later
    assert begun(journal, clock) is None
    assert journal.find(ids[0] or UUID(int=0)) is None
    assert journal.find(ids[99] or UUID(int=0)) is not None


def test_what_was_done_of_late_is_counted(tmp_path: Path, clock: SetClock) -> None:
    journal = opened(tmp_path / "j.sqlite")
    for command, status in (
        ("restart", "done"),
        ("menu", "done"),
        ("recalibrate", "failed"),
        ("recalibrate", "done"),
        ("restart", None),
    ):
        id_ = begun(journal, clock, command)
        if status is not None and id_ is not None:
            journal.finish(id_, f'{{"status":"{status}"}}', clock.utc())
        clock.pass_s(60)
    restarting = frozenset({"restart", "recalibrate"})
    assert journal.count_since(restarting, clock.utc() - timedelta(hours=1)) == 3
    assert journal.count_since(restarting, clock.utc() - timedelta(minutes=1)) == 1


def test_a_damaged_file_is_set_aside(
    tmp_path: Path, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "j.sqlite"
    for content in (b"junk" * 1000, b"SQLite format 3\x00" + bytes(4000)):
        file.write_bytes(content)
        journal = opened(file)
        assert begun(journal, clock) is not None
        journal.close()
        journal.close()
        assert (tmp_path / "j.sqlite.damaged").read_bytes() == content
    assert "is damaged" in caplog.text


def test_another_programs_database_is_set_aside(tmp_path: Path, clock: SetClock) -> None:
    with sqlite3.connect(tmp_path / "j.sqlite") as other:
        other.execute("CREATE TABLE request (id)")
    other.close()
    assert begun(opened(tmp_path / "j.sqlite"), clock) is not None


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, clock: SetClock) -> None:
    (tmp_path / "j.sqlite").mkdir()
    with pytest.raises(CommandError, match=r"j\.sqlite: cannot be used"):
        opened(tmp_path / "j.sqlite")
    with pytest.raises(CommandError, match="is not open"):
        begun(Journal(tmp_path / "k.sqlite"), clock)
