"""What is promised of every input from outside: a result, or one line of the documented error."""

from collections.abc import Callable
from typing import TypeVar

from appliance.errors import LONGEST_MESSAGE, JanbanError

T = TypeVar("T")


def result_or_refusal(call: Callable[[], T], kind: type[JanbanError], name: str) -> T | None:
    """Return what `call` returns, None where it refuses as promised; any other end is a failure."""
    try:
        return call()
    except JanbanError as error:
        refusal = error
    assert type(refusal) is kind, repr(refusal)
    assert_one_line(str(refusal), name)
    return None


def assert_one_line(line: str, name: str) -> None:
    """One line that can be printed, is not endless, and names the file; and says more than the name."""
    assert line.isprintable(), line
    assert len(line) <= LONGEST_MESSAGE
    assert name in line
    assert len(line) > len(name) + 10
