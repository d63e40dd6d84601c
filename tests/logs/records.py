"""Log records for tests."""

import logging
from types import TracebackType

Raised = tuple[type[BaseException], BaseException, TracebackType | None]


def record(
    message: str = "hello",
    *values: object,
    level: int = logging.INFO,
    name: str = "appliance.test",
    error: Raised | None = None,
) -> logging.LogRecord:
    return logging.LogRecord(name, level, "/code/file.py", 12, message, values, error, "work")


def raised(text: str) -> Raised:
    def fail() -> None:
        raise ValueError(text)

    try:
        fail()
    except ValueError as error:
        return type(error), error, error.__traceback__
    raise AssertionError
