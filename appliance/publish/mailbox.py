"""What commands come in by, and their results go out by: the publisher's side of it."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Letter:
    """The result of a command that is to be told; `key` tells it from every other."""

    key: str
    command: str
    payload: str


class Mailbox(Protocol):
    """Who takes commands and has results to tell; called by the publisher's thread, must never wait long."""

    def take(self, command: str, payload: bytes, *, retained: bool) -> None:
        """Take a message that came on the topic of `command`, a name as in `topics.checked_name`."""
        ...

    def waiting(self) -> list[Letter]:
        """Return the results that are still to be told."""
        ...

    def told(self, key: str) -> None:
        """Note that the broker has acknowledged a result, or will have none of it."""
        ...

    def unwelcome(self, key: str) -> None:
        """Note that a result seems too large for the broker, and has to be told shorter."""
        ...
