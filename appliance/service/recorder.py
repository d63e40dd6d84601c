"""Puts outcomes into the store; what even its place in memory refuses waits here, in order."""

import logging
import threading
from collections import deque
from typing import Protocol

from appliance.clock import Deadline
from appliance.errors import StoreError
from appliance.readings.reading import Draft, Reading

_LOG = logging.getLogger(__name__)

_MOST_WAITING = 1000
"""A lunch of trays; a draft is a few kilobytes."""


_AT_ONCE = 20
"""Of those that wait, so many are stored by one call: a thousand take a slow card a minute, and who stores a
tray's reading has seconds."""


class Shelf(Protocol):
    """What takes readings."""

    def add(self, draft: Draft) -> Reading:
        """Store one; raises `StoreError` where that cannot be now, `ValueError` for what is no reading."""
        ...


class Recorder:
    """The only writer of readings, safe to share between threads.

    `waiting` counts those that the disk refused so far, `lost` those given up.
    """

    def __init__(self, store: Shelf) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._waiting: deque[Draft] = deque()
        self.waiting = 0
        self.lost = 0

    def record(self, draft: Draft) -> bool:
        """Store a reading after those that wait, or some of them; return whether all are stored now."""
        with self._lock:
            if len(self._waiting) == _MOST_WAITING:
                self._waiting.popleft()
                self.lost += 1
                _LOG.error("the store refuses writes and memory is full: %d readings lost so far", self.lost)
            self._waiting.append(draft)
            return self._store_some()

    def retry(self) -> bool:
        """Store some of what waits; return whether nothing waits any more."""
        with self._lock:
            return self._store_some()

    def finish(self, deadline: Deadline) -> None:
        """Store what waits until nothing does, the store refuses, or the deadline passes."""
        while True:
            before = self.waiting
            if self.retry() or self.waiting == before or deadline.passed:
                return

    def _store_some(self) -> bool:
        for _ in range(min(_AT_ONCE, len(self._waiting))):
            try:
                self._store.add(self._waiting[0])
            except StoreError as error:
                self.waiting = len(self._waiting)
                _LOG.error("%s; %d readings wait in memory", error, self.waiting)
                return False
            except ValueError:
                # A draft that contradicts itself must not hold up those behind it.
                self.lost += 1
                _LOG.exception("a reading is no valid reading; %d lost so far", self.lost)
            self._waiting.popleft()
        self.waiting = len(self._waiting)
        return not self._waiting
