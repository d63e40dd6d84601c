"""The store on the card while that takes readings, and one in memory while it does not."""

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Final, Self, TypeVar
from uuid import UUID

from appliance.backoff import Backoff
from appliance.clock import Clock
from appliance.errors import StoreError
from appliance.readings import rows
from appliance.readings.database import delete_database
from appliance.readings.pending import Pending
from appliance.readings.reading import Draft, Reading
from appliance.readings.settings import StoreSettings
from appliance.readings.store import MOST_NUMBER, Counts, Store

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

FILE_NAME: Final = "readings.sqlite"
_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - in a folder of its own
_MEMORY_MB: Final = 32.0
"""Some 20,000 readings: weeks without a broker, and little even where a machine has 1 GB of memory."""

_OWN: Final = 1 << 40
"""Readings that are in memory alone are numbered above this; those of the card keep its numbers there."""

_BATCH_ROWS: Final = 200
_RETRY_FIRST_S: Final = 1.0
_RETRY_MOST_S: Final = 60.0


class ResilientStore:
    """What `Store` is to recorder and publisher, also on a card that turns read-only, is full, or fails.

    As soon as the card refuses something, readings go to a store in memory, under the sequences that come
    next. What the card holds unsent is borrowed from it bit by bit, so that all is sent from memory in order,
    and what the broker acknowledged is remembered there. Once the card takes writes again, it gets what it
    lacks. The memory's store is a file of a RAM disk: it outlives this process, not the machine's power.

    Share one between threads. Nobody but who calls `tend` waits for a card that is given up.
    """

    def __init__(
        self, card: Store, settings: StoreSettings, clock: Clock, *, memory_dir: Path | None = None
    ) -> None:
        """Take the card's store, not opened yet; without `memory_dir` a folder in memory is made at need."""
        self._card = card
        self._clock = clock
        self._memory_settings = settings.model_copy(update={"max_mb": min(settings.max_mb, _MEMORY_MB)})
        self._memory_dir = memory_dir
        self._own_dir: TemporaryDirectory[str] | None = None
        self._memory: Store | None = None
        self._lock = threading.RLock()
        self._closed = True
        self._why = ""
        self._sequences: dict[str, int] = {}
        self._acknowledged: set[str] = set()
        self._borrowed_to = self._borrowed = 0
        self._all_borrowed = False
        self._card_counts = Counts(0, 0, 0)
        self._retries = Backoff(_RETRY_FIRST_S, _RETRY_MOST_S)
        self._retry_s = 0.0

    def open(self) -> None:
        """Open the card's store, or if it cannot be written that in memory; `StoreError` if neither can."""
        with self._lock:
            self._closed = False
            try:
                self._card.open()
                self._sequences = self._card.run("readings cannot be counted", rows.last_sequences)
            except StoreError as error:
                self._leave_card(error)
            else:
                if self._memory_dir is not None and (self._memory_dir / FILE_NAME).exists():
                    self._leave_card(StoreError("an earlier run left readings in memory"))
                    self._retry_s = self._clock.monotonic_s()
        self.tend()

    def close(self) -> None:
        """Give the card what it lacks, if it takes it now, and close; safe to call twice."""
        with self._lock:
            if self._memory is not None:
                self._return(self._memory)
            self._closed = True
            self._card.close()
            if self._memory is not None:
                self._memory.close()
                self._memory = None
            if self._own_dir is not None:
                self._own_dir.cleanup()
                self._own_dir = None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def refuge(self) -> str | None:
        """Why readings are kept in memory: one line for the health report; None while the card has them."""
        if self._memory is None:
            return None
        return (
            "readings are kept in memory, and sent from there: replace the SD card, or free space if it is"
            f" full ({self._why})"
        )

    @property
    def waiting(self) -> int:
        """How many readings are in memory alone, and not sent."""
        with self._lock:
            if self._memory is None:
                return 0
            return self._memory.run(
                "readings cannot be counted", partial(rows.count_unsent, above=_OWN, most=MOST_NUMBER)
            )

    @property
    def alarm(self) -> str | None:
        """Set when damage to a database was found: one line for the health report."""
        memory = self._memory
        return self._card.alarm or (None if memory is None else memory.alarm)

    @property
    def tight(self) -> bool:
        """Whether the card is full, and sent readings make room on it."""
        return self._memory is None and self._card.tight

    def add(self, draft: Draft) -> Reading:
        """Store a reading as `Store.add` does: durably, or in memory while the card does not take it."""
        with self._lock:
            reading = self._either(lambda card: card.add(draft), lambda memory: memory.add(draft))
            self._sequences[reading.device] = reading.sequence
            return reading

    def pending(self, limit: int) -> list[Pending]:
        """Return the first `limit` readings that are not sent, in the order in which they were stored."""
        return self._either(
            lambda card: card.pending(limit),
            # Those of the card that are not borrowed yet come before those in memory alone.
            lambda memory: memory.pending(limit, most=MOST_NUMBER if self._all_borrowed else _OWN),
        )

    def mark_sent(self, ids: Iterable[UUID]) -> None:
        """Record that the broker acknowledged these readings; unknown ids are ignored."""
        sent, now_s = list(ids), self._clock.utc().timestamp()

        def mark(memory: Store) -> None:
            unknown = memory.run(
                "a reading cannot be marked as sent", lambda db: rows.mark_sent(db, sent, now_s)
            )
            self._acknowledged.update(unknown)

        self._either(lambda card: card.mark_sent(sent), mark)

    def counts(self) -> Counts:
        """Count what is stored; while the card is given up, what was there then, and what is in memory."""
        with self._lock:
            if self._memory is None:
                return self._card.counts()
            memory, card = self._memory.counts(), self._card_counts
            return Counts(
                memory.pending + max(0, card.pending - self._borrowed),
                card.sent + memory.sent,
                card.lost + memory.lost,
                memory.size_mb,
                self.alarm,
                tight=False,
            )

    def newest_stamp(self) -> datetime | None:
        """Return when the reading that was stored last was captured, by its own word; None if unknown."""
        stamp: datetime | None = None
        with self._lock, contextlib.suppress(StoreError):
            stamp = None if self._memory is None else self._memory.newest_stamp()
        with contextlib.suppress(StoreError):
            stamp = stamp or self._card.newest_stamp()
        return stamp

    def tend(self) -> None:
        """Borrow what a card that is given up holds, and go back to it once it takes writes.

        May wait for a disk that hangs: for a thread that no tray waits for.
        """
        with self._lock:  # a card that is just being left has been left when this begins
            memory = None if self._closed else self._memory
        if memory is None:
            return
        self._borrow()
        if self._clock.monotonic_s() >= self._retry_s:
            self._return(memory)

    def _either(self, on_card: Callable[[Store], _T], in_memory: Callable[[Store], _T]) -> _T:
        """Do what is to be done on the card, or where that is given up or refuses it, in memory."""
        with self._lock:
            memory = self._memory
            if memory is None:
                try:
                    return on_card(self._card)
                except StoreError as error:
                    memory = self._leave_card(error)
            return in_memory(memory)

    def _leave_card(self, error: StoreError) -> Store:
        """Open the store in memory, with the first of what is unsent on the card; the lock is held."""
        if self._closed:
            raise error
        memory = Store(self._memory_folder() / FILE_NAME, self._memory_settings, self._clock)
        memory.open()
        with contextlib.suppress(StoreError):
            self._card.open_read_only()
            self._card_counts = self._card.counts()
            if not self._sequences:
                self._sequences = self._card.run(
                    "readings cannot be counted", rows.last_sequences, writing=False
                )

        def begin(db: sqlite3.Connection) -> None:
            rows.begin_above(db, _OWN)
            rows.raise_sequences(db, self._sequences)

        memory.run("readings cannot be numbered", begin)
        self._memory, self._why = memory, str(error)
        self._borrowed_to = self._borrowed = 0
        self._all_borrowed = False
        self._retry_s = self._clock.monotonic_s() + self._retries.next_s()
        _log.error("%s; from now on readings are kept in memory, and sent from there", error)
        self._borrow()
        return memory

    def _memory_folder(self) -> Path:
        if self._memory_dir is not None:
            return self._memory_dir
        if self._own_dir is None:
            self._own_dir = TemporaryDirectory(prefix="janban-", dir=_MEMORY if _MEMORY.is_dir() else None)
        return Path(self._own_dir.name)

    def _borrow(self) -> None:
        """Take over what comes next of the card's unsent readings, if few of them are left in memory."""
        memory = self._memory
        if memory is None or self._all_borrowed:
            return
        if (
            memory.run("readings cannot be counted", partial(rows.count_unsent, above=0, most=_OWN))
            >= _BATCH_ROWS
        ):
            return
        try:
            found = self._card.run(
                "the outbox cannot be read",
                lambda db: rows.stored(db, self._borrowed_to, _BATCH_ROWS, unsent=True),
                writing=False,
            )
        except StoreError as error:
            _log.error("%s; what it holds unsent has to wait", error)
            self._all_borrowed = True
            return
        with self._lock:
            if self._memory is memory:
                self._lend(memory, found)

    def _lend(self, memory: Store, found: list[rows.Row]) -> None:
        now_s = self._clock.utc().timestamp()
        known = [row._replace(sent_at_s=now_s) if row.id in self._acknowledged else row for row in found]
        memory.run("readings cannot be taken over", lambda db: rows.borrow(db, known))
        self._borrowed += len(found)
        self._borrowed_to = found[-1].number if found else self._borrowed_to
        self._all_borrowed = len(found) < _BATCH_ROWS

    def _return(self, memory: Store) -> None:
        """Give the card what it lacks, and use it again; if it refuses, everything stays as it is."""
        after = 0
        try:
            self._card.probe()
            while batch := self._copied(memory, after):
                after = batch[-1].number
            with self._lock:
                # What came meanwhile, and what was acknowledged meanwhile of what is copied.
                while batch := self._copied(memory, after):
                    after = batch[-1].number
                self._settle(memory)
        except StoreError as error:
            self._why = str(error)
            self._retry_s = self._clock.monotonic_s() + self._retries.next_s()
            _log.debug("the card is still given up: %s", error)

    def _copied(self, memory: Store, after: int) -> list[rows.Row]:
        batch = memory.run("readings cannot be read", lambda db: rows.stored(db, after, _BATCH_ROWS))
        if batch:
            self._card.run("readings cannot be taken back", lambda db: rows.bring(db, batch))
        return batch

    def _settle(self, memory: Store) -> None:
        """Note on the card what was acknowledged, and leave the memory; the lock is held."""
        now_s = self._clock.utc().timestamp()
        sent = memory.run("readings cannot be read", rows.sent_ids)
        for ids in (sent, self._acknowledged):
            self._card.run(
                "a reading cannot be marked as sent", partial(rows.mark_sent, ids=ids, sent_at_s=now_s)
            )
        self._sequences = self._card.run("readings cannot be counted", rows.last_sequences, writing=False)
        self._memory = None
        self._acknowledged.clear()
        self._retries.reset()
        memory.close()
        with contextlib.suppress(OSError):  # what stays is found to be there already, at the next start
            delete_database(self._memory_folder() / FILE_NAME)
        _log.warning("the card takes readings again, and has those that were kept in memory")
