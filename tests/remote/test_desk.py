"""What becomes of requests: done once, one by one, answered until the answer is acknowledged."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.clock import Deadline
from appliance.errors import CommandError
from appliance.remote import journal
from appliance.remote.desk import Answer, Command, Desk
from appliance.remote.journal import Journal
from appliance.remote.request import Attachment
from tests.publish.listener import eventually
from tests.readings.clocks import SetClock
from tests.remote.operators import COOK, STRANGER, gate, request, same_id, signed, told

Handle = Callable[[Any, Deadline], Answer]


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


class Hands:
    """Counts what it does; does what it is told, or waits at a gate."""

    def __init__(self) -> None:
        self.done = 0
        self.gate: threading.Event | None = None
        self.entered = threading.Event()
        self.fault: Exception | None = None
        self.left = threading.Event()

    def __call__(self, _arguments: object, _deadline: Deadline) -> Answer:
        self.entered.set()
        if self.gate is not None:
            assert self.gate.wait(30)
        if self.fault is not None:
            raise self.fault
        self.done += 1
        return Answer(f"done {self.done}", {"count": self.done}, then=self.left.set)


@contextmanager
def desk(
    folder: Path,
    clock: SetClock,
    hands: Hands,
    *,
    synced: bool = True,
    wake: Callable[[], None] = lambda: None,
) -> Iterator[Desk]:
    commands = {
        "restart": Command(hands, 30.0, restarts=True),
        "menu": Command(hands, 30.0),
        "capture": Command(hands, 30.0),
    }
    opened = Desk(gate(clock, synced=synced), Journal(folder / "commands.sqlite"), commands, clock)
    opened.start(wake)
    try:
        yield opened
    finally:
        if hands.gate is not None:
            hands.gate.set()
        opened.stop(30.0)
        opened.close()


def results(opened: Desk) -> list[tuple[object, object]]:
    letters = [told(letter.payload) for letter in opened.waiting()]
    return [(letter["status"], letter["detail"]) for letter in letters]


def take(opened: Desk, command: str, payload: bytes) -> None:
    opened.take(command, payload, retained=False)


def one_result(opened: Desk, status: str) -> None:
    eventually(lambda: [state for state, _ in results(opened)] == [status], status)


def test_a_request_is_done_and_told_until_it_is_acknowledged(tmp_path: Path, clock: SetClock) -> None:
    hands, woken = Hands(), threading.Event()
    with desk(tmp_path, clock, hands, wake=woken.set) as opened:
        asked = request(clock, "menu")
        take(opened, "menu", signed(asked))
        eventually(lambda: results(opened) == [("done", "done 1")], "done")
        assert woken.wait(30)
        [letter] = opened.waiting()
        fields = told(letter.payload)
        assert (letter.command, fields["id"], fields["data"]) == ("menu", str(asked.id), {"count": 1})
        assert (fields["schema"], fields["site"], fields["device"]) == (
            "janban.command-result/1",
            "north",
            "line-1",
        )
        opened.told(letter.key)
        assert results(opened) == []


def test_what_comes_again_is_told_again_and_not_done_again(tmp_path: Path, clock: SetClock) -> None:
    hands = Hands()
    asked = request(clock, "menu")
    with desk(tmp_path, clock, hands) as opened:
        for _ in range(3):
            take(opened, "menu", signed(asked))
            eventually(lambda: results(opened) == [("done", "done 1")], "told")
            opened.told(opened.waiting()[0].key)
    # Nor after a restart, nor after it has expired.
    clock.pass_s(3600)
    with desk(tmp_path, clock, hands) as opened:
        take(opened, "menu", signed(asked))
        assert results(opened) == [("done", "done 1")]
    assert hands.done == 1


def test_a_flood_of_what_was_done_is_soon_ignored(tmp_path: Path, clock: SetClock) -> None:
    """Whoever has seen a signed request can send it again; to tell it again costs the card a write."""
    hands, told_times = Hands(), 0
    again = signed(request(clock, "menu"))
    with desk(tmp_path, clock, hands) as opened:
        take(opened, "menu", again)
        one_result(opened, "done")
        for _ in range(100):
            told_times += len(letters := opened.waiting())
            for letter in letters:
                opened.told(letter.key)
            take(opened, "menu", again)
        assert 2 <= told_times <= 10
        take(opened, "menu", signed(request(clock, "menu")))
        eventually(lambda: ("done", "done 2") in results(opened), "a new one is done all the same")
        opened.told(opened.waiting()[0].key)
        clock.pass_s(60)
        take(opened, "menu", again)
        assert ("done", "done 1") in results(opened)


def test_what_is_forgotten_is_not_done_again_though_the_clock_goes_back(
    tmp_path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever forges the time that the box is told makes an old request fresh again."""
    monkeypatch.setattr(journal, "_KEPT", 2)
    hands, then = Hands(), clock.utc()
    old = signed(request(clock, "menu"))
    with desk(tmp_path, clock, hands) as opened:
        for done, again in enumerate((old, None, None, None), start=1):
            take(opened, "menu", again or signed(request(clock, "menu")))
            eventually(lambda done=done: hands.done == done and opened._running is None, "done")
            clock.pass_s(3600)
        clock.now = then
        take(opened, "menu", old)
        assert ("refused", "it may have been done before: the clock of this box went back") in results(opened)
    assert hands.done == 4


def test_an_id_belongs_to_one_request(tmp_path: Path, clock: SetClock) -> None:
    hands = Hands()
    with desk(tmp_path, clock, hands) as opened:
        asked = request(clock, "menu")
        take(opened, "menu", signed(asked))
        one_result(opened, "done")
        opened.told(opened.waiting()[0].key)
        take(opened, "capture", signed(same_id(asked, clock, "capture")))
        assert results(opened) == [("refused", "its id was another request's")]
    assert hands.done == 1


def test_what_was_under_way_at_a_crash_is_interrupted_and_not_done_again(
    tmp_path: Path, clock: SetClock
) -> None:
    hands = Hands()
    hands.gate = threading.Event()
    asked = request(clock, "menu")
    with desk(tmp_path, clock, hands) as crashed:
        take(crashed, "menu", signed(asked))
        assert hands.entered.wait(30)
        # The next process begins while the journal is as the crash left it.
        fresh = Hands()
        with desk(tmp_path, clock, fresh) as opened:
            one_result(opened, "interrupted")
            take(opened, "menu", signed(asked))
            one_result(opened, "interrupted")
            assert fresh.done == 0


def test_what_a_power_cut_interrupted_is_told_though_the_clock_begins_anew(
    tmp_path: Path, clock: SetClock
) -> None:
    """A box without a battery starts years back, and learns the time when the network is there."""
    hands, cut_at = Hands(), clock.now
    hands.gate = threading.Event()
    with desk(tmp_path, clock, hands) as cut:
        take(cut, "menu", signed(request(clock, "menu")))
        assert hands.entered.wait(30)
        clock.now = datetime(1970, 1, 1, tzinfo=UTC)
        with desk(tmp_path, clock, Hands()) as opened:
            one_result(opened, "interrupted")
            clock.now = cut_at + timedelta(minutes=2)
            one_result(opened, "interrupted")


def test_what_follows_comes_after_the_result_is_written(tmp_path: Path, clock: SetClock) -> None:
    hands = Hands()
    with desk(tmp_path, clock, hands) as opened:
        take(opened, "restart", signed(request(clock)))
        assert hands.left.wait(30)
        assert results(opened) == [("done", "done 1")]
    with desk(tmp_path, clock, hands) as opened:
        assert results(opened) == [("done", "done 1")]
    assert hands.done == 1


def test_restarts_are_few(tmp_path: Path, clock: SetClock) -> None:
    hands = Hands()
    with desk(tmp_path, clock, hands) as opened:
        for number in range(4):
            take(opened, "restart", signed(request(clock)))
            eventually(lambda: len(results(opened)) == 1, f"answer {number}")
            [answer] = results(opened)
            assert answer[0] == ("done" if number < 3 else "refused")
            opened.told(opened.waiting()[0].key)
        take(opened, "menu", signed(request(clock, "menu")))
        one_result(opened, "done")
        opened.told(opened.waiting()[0].key)
        clock.pass_s(20 * 60 + 1)
        take(opened, "restart", signed(request(clock)))
        one_result(opened, "done")


@pytest.mark.parametrize(
    ("fault", "detail"),
    [
        (CommandError("no tray came in time"), "no tray came in time"),
        (CommandError("two\nlines\x00"), r"two\nlines\x00"),
        (ZeroDivisionError("secret"), "internal error: ZeroDivisionError"),
    ],
)
def test_a_failure_is_told_and_ends_nothing(
    tmp_path: Path, clock: SetClock, fault: Exception, detail: str
) -> None:
    hands = Hands()
    hands.fault = fault
    with desk(tmp_path, clock, hands) as opened:
        take(opened, "menu", signed(request(clock, "menu")))
        eventually(lambda: results(opened) == [("failed", detail)], "failed")
        assert not hands.left.is_set()
        opened.told(opened.waiting()[0].key)
        hands.fault = None
        take(opened, "menu", signed(request(clock, "menu")))
        one_result(opened, "done")


def test_what_does_not_end_in_time_has_failed(tmp_path: Path, clock: SetClock) -> None:
    hands = Hands()
    hands.gate = threading.Event()
    with desk(tmp_path, clock, hands) as opened:
        take(opened, "menu", signed(request(clock, "menu")))
        assert hands.entered.wait(30)
        assert results(opened) == []
        clock.pass_s(31)
        assert results(opened) == [("failed", "it did not end in time")]
        hands.gate.set()
        eventually(lambda: hands.done == 1, "ended late")
        # What it came to in the end is not told, and has no consequence.
        take(opened, "menu", signed(request(clock, "menu")))
        eventually(lambda: hands.done == 2, "the next one")
        eventually(lambda: [state for state, _ in results(opened)] == ["failed", "done"], "told")


def test_a_command_that_hangs_does_not_hold_up_the_next_one(tmp_path: Path, clock: SetClock) -> None:
    """Else a box whose disk or driver hangs could not even be told to start anew."""

    class FirstHangs(Hands):
        def __call__(self, arguments: object, deadline: Deadline) -> Answer:
            answer = super().__call__(arguments, deadline) if self.entered.is_set() else None
            self.entered.set()
            assert answer is not None or hang.wait(90)
            return answer or Answer("late")

    hands, hang = FirstHangs(), threading.Event()
    with desk(tmp_path, clock, hands) as opened:
        take(opened, "menu", signed(request(clock, "menu")))
        assert hands.entered.wait(30)
        take(opened, "restart", signed(request(clock)))
        clock.pass_s(31)
        eventually(lambda: [state for state, _ in results(opened)] == ["failed", "done"], "restart done")
        hang.set()
        eventually(lambda: sum(one.name == "commands" for one in threading.enumerate()) == 1, "one is left")
        take(opened, "menu", signed(request(clock, "menu")))
        eventually(lambda: [state for state, _ in results(opened)] == ["failed", "done", "done"], "goes on")
    assert hands.done == 2


def test_one_at_a_time_and_only_a_few_wait(tmp_path: Path, clock: SetClock) -> None:
    hands = Hands()
    hands.gate = threading.Event()
    with desk(tmp_path, clock, hands) as opened:
        take(opened, "menu", signed(request(clock, "menu")))
        assert hands.entered.wait(30)
        for _ in range(5):
            take(opened, "menu", signed(request(clock, "menu")))
        assert results(opened) == [("refused", "busy with other commands")]
        hands.gate.set()
        eventually(lambda: hands.done == 5, "all that waited")


def test_what_waited_too_long_is_not_done(tmp_path: Path, clock: SetClock) -> None:
    hands = Hands()
    hands.gate = threading.Event()
    with desk(tmp_path, clock, hands) as opened:
        take(opened, "capture", signed(request(clock, "capture")))
        assert hands.entered.wait(30)
        soon = clock.utc() + timedelta(seconds=20)
        take(opened, "menu", signed(request(clock, "menu", expires_at=soon)))
        clock.pass_s(21)
        hands.gate.set()
        eventually(lambda: ("refused", "it expired while it waited") in results(opened), "expired")
    assert hands.done == 1


def test_strangers_learn_nothing_and_soon_hear_nothing(
    tmp_path: Path, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    hands = Hands()
    with desk(tmp_path, clock, hands) as opened, caplog.at_level(logging.WARNING):
        for number in range(50):
            payload = [
                b"junk",
                signed(request(clock), STRANGER),
                signed(request(clock), COOK),
                signed(request(clock, site="south")),
                b"x" * 100_000,
            ][number % 5]
            take(opened, "restart", payload)
        take(opened, "shell", signed(request(clock)))
        assert set(results(opened)) == {("refused", "not authorised")}
        assert len(results(opened)) == 8
        assert len(caplog.records) == 8
        clock.pass_s(11)
        take(opened, "restart", b"junk")
        assert len(caplog.records) == 9
        # An operator is heard all the same.
        take(opened, "menu", signed(request(clock, "menu")))
        eventually(lambda: ("done", "done 1") in results(opened), "done")
    assert hands.done == 1


def test_a_retained_command_is_not_done(
    tmp_path: Path, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    with desk(tmp_path, clock, Hands()) as opened:
        opened.take("menu", signed(request(clock, "menu")), retained=True)
        assert results(opened) == []
    assert "retained" in caplog.text


def test_without_a_clock_nothing_is_done(tmp_path: Path, clock: SetClock) -> None:
    hands = Hands()
    with desk(tmp_path, clock, hands, synced=False) as opened:
        take(opened, "menu", signed(request(clock, "menu")))
        [(status, detail)] = results(opened)
        assert status == "refused"
        assert "clock of this box is not set" in str(detail)
    assert hands.done == 0


def test_without_a_journal_nothing_is_done(tmp_path: Path, clock: SetClock) -> None:
    (tmp_path / "commands.sqlite").mkdir()
    hands = Hands()
    with desk(tmp_path, clock, hands) as opened:
        take(opened, "menu", signed(request(clock, "menu")))
        [(status, detail)] = results(opened)
        assert (status, detail) == ("failed", "commands.sqlite: is not open")
        opened.told(opened.waiting()[0].key)
        assert results(opened) == []
    assert hands.done == 0


def test_a_result_brings_what_the_command_attached(tmp_path: Path, clock: SetClock) -> None:
    class Picture(Hands):
        def __call__(self, _arguments: object, _deadline: Deadline) -> Answer:
            return Answer("here", attachment=Attachment(media_type="image/jpeg", base64="AAAA"))

    with desk(tmp_path, clock, Picture()) as opened:
        take(opened, "capture", signed(request(clock, "capture")))
        one_result(opened, "done")
        assert told(opened.waiting()[0].payload)["attachment"] == {
            "media_type": "image/jpeg",
            "base64": "AAAA",
        }
