import gc
import logging
import weakref

from hypothesis import given
from hypothesis import strategies as st

from appliance.logs.limit import RateLimit
from tests.logs.records import raised, record


class Limited:
    """A rate limit with a clock of its own, and what it told."""

    def __init__(self, burst: int = 3, per_s: float = 0.1) -> None:
        self.now_s = 0.0
        self.told: list[str] = []
        self.levels: list[int] = []
        self._limit = RateLimit(self._hear, burst=burst, per_s=per_s, now_s=lambda: self.now_s)
        self.tell_all = self._limit.tell_all

    def _hear(self, summary: logging.LogRecord) -> None:
        self.told.append(summary.getMessage())
        self.levels.append(summary.levelno)

    def passes(self, *given: object, **options: object) -> bool:
        return self._limit.filter(record(*given, **options))


def test_a_flood_is_cut_and_told_when_it_is_over() -> None:
    limited = Limited()
    assert [limited.passes("no frame after %d s", n) for n in range(10)] == [True] * 3 + [False] * 7
    assert limited.told == []
    limited.now_s = 11.0
    assert limited.passes("something else")
    assert limited.told == ["7 more like this were left out, the last one: no frame after 9 s"]
    limited.now_s = 30.0
    limited.passes("something else")
    assert len(limited.told) == 1


def test_kinds_do_not_swallow_each_other() -> None:
    limited = Limited(burst=1)
    assert limited.passes("a")
    assert limited.passes("b")
    assert limited.passes("a", level=logging.WARNING)
    assert limited.passes("a", name="appliance.other")
    assert not limited.passes("a")


def test_two_errors_that_share_a_template_are_two_kinds() -> None:
    limited = Limited(burst=1)
    assert limited.passes("%s", "the disk is full", level=logging.ERROR)
    assert limited.passes("%s", "the camera is gone", level=logging.ERROR)


def test_errors_that_differ_in_figures_alone_are_one_kind() -> None:
    limited = Limited(burst=1)
    assert limited.passes("%d readings lost", 1, level=logging.ERROR)
    assert not limited.passes("%d readings lost", 2, level=logging.ERROR)


def test_the_end_of_the_process_leaves_nothing_untold() -> None:
    limited = Limited(burst=1)
    for _ in range(4):
        limited.passes("again", level=logging.WARNING)
    limited.tell_all()
    limited.tell_all()
    assert limited.told == ["3 more like this were left out, the last one: again"]
    assert limited.levels == [logging.WARNING]


def test_what_a_record_holds_is_let_go() -> None:
    class LargeError(Exception):
        pass

    limited, large = Limited(burst=1), LargeError("a picture")
    gone = weakref.ref(large)
    for _ in range(2):
        limited.passes("%s", large, error=raised("it holds frames"))
    del large
    gc.collect()
    assert gone() is None


def test_what_logs_while_it_is_logged_is_no_deadlock() -> None:
    limited = Limited(burst=1)

    class Talkative:
        def __str__(self) -> str:
            limited.passes("inner")
            return "outer"

    assert limited.passes("%s", Talkative(), level=logging.ERROR)
    assert not limited.passes("%s", Talkative(), level=logging.ERROR)


def test_a_percent_sign_in_what_was_swallowed_is_no_template() -> None:
    limited = Limited(burst=1)
    for _ in range(2):
        limited.passes("%s", "100 % of it")
    limited.tell_all()
    assert limited.told == ["1 more like this were left out, the last one: 100 % of it"]


def test_a_wrong_log_call_is_left_to_its_handler() -> None:
    assert Limited().passes("%d", "no number", level=logging.ERROR)


@given(st.lists(st.integers(0, 2000), max_size=3000))
def test_every_record_passes_or_is_told(kinds: list[int]) -> None:
    limited = Limited(burst=2)
    passed = sum(limited.passes("kind " + "x" * kind) for kind in kinds)
    limited.tell_all()
    assert passed + sum(int(text.split()[0]) for text in limited.told) == len(kinds)
    assert len(limited._limit._kinds) <= 500
