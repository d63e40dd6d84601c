"""Puts outcomes into the store; what a full disk refuses waits in memory, in order."""

import logging
import threading
from collections import deque

from appliance.errors import StoreError
from appliance.readings.reading import Draft
from appliance.readings.store import Store

_LOG = logging.getLogger(__name__)

_MOST_WAITING = 1000
"""A lunch of trays; a draft is a few kilobytes."""


class Recorder:
    """The only writer of readings, safe to share between threads.

    `waiting` counts those that the disk refused so far, `lost` those given up.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._waiting: deque[Draft] = deque()
        self.waiting = 0
        self.lost = 0

    def record(self, draft: Draft) -> bool:
        """Store a reading after those that wait; return whether all are stored now."""
        with self._lock:
            if len(self._waiting) == _MOST_WAITING:
                self._waiting.popleft()
                self.lost += 1
                _LOG.error("the store refuses writes and memory is full: %d readings lost so far", self.lost)
            self._waiting.append(draft)
            return self._store_all()

    def retry(self) -> bool:
        """Store what waits; return whether nothing waits any more."""
        with self._lock:
            return self._store_all()

    def _store_all(self) -> bool:
        while self._waiting:
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
        self.waiting = 0
        return True
