"""What readings wait in: the publisher's side of the store."""

from collections.abc import Iterable
from typing import Protocol
from uuid import UUID

from appliance.readings.pending import Pending


class Outbox(Protocol):
    """Gives what is to be sent, and takes note of what was; both raise `StoreError` where a disk fails."""

    def pending(self, limit: int) -> list[Pending]:
        """Return the first `limit` readings that are not sent, in the order in which they were stored."""
        ...

    def mark_sent(self, ids: Iterable[UUID]) -> None:
        """Record that the broker acknowledged these readings; unknown ids are ignored."""
        ...
