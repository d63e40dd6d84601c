"""Keeps one message from filling the journal: so many of each kind pass, and the rest are counted."""

import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from appliance.bucket import TokenBucket

BURST = 30
"""So many of one kind pass at once."""

PER_S = 1 / 10
"""So many pass in the long run: 360 an hour."""

_KINDS = 500
"""So many kinds are remembered, the last ones."""

Kind = tuple[str, int, str]
"""Logger, level and template; of an error what it says, as many share the template "%s"."""


@dataclass
class _Passed:
    bucket: TokenBucket
    swallowed: int = 0
    last: logging.LogRecord | None = None


class RateLimit(logging.Filter):
    """Lets `burst` records of a kind pass, then `per_s` a second; `tell` gets a summary of the rest.

    The first of each kind always passes; two errors are of one kind only if they differ in nothing but
    figures. The summary follows when the flood is over or another one of its kind passes.
    """

    def __init__(
        self,
        tell: Callable[[logging.LogRecord], None],
        *,
        burst: int = BURST,
        per_s: float = PER_S,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._tell = tell
        self._burst = burst
        self._per_s = per_s
        self._now_s = now_s
        # What a record says may come from code that logs, too.
        self._lock = threading.RLock()
        self._kinds: OrderedDict[Kind, _Passed] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record may pass; first say what was swallowed of kinds that may speak again."""
        now_s, key = self._now_s(), kind_of(record)
        with self._lock:
            speakers = [kind for kind in self._kinds.values() if kind.last and kind.bucket.has_one(now_s)]
            kind = self._kind(key, now_s)
            passes = kind.bucket.take(now_s)
            if not passes:
                kind.swallowed, kind.last = kind.swallowed + 1, _bare(record)
            speakers += self._forgotten()
            summaries = _summaries(speakers)
        for summary in summaries:
            self._tell(summary)
        return passes

    def tell_all(self) -> None:
        """Say what was swallowed and not told yet, as at the end of the process."""
        with self._lock:
            summaries = _summaries(self._kinds.values())
        for summary in summaries:
            self._tell(summary)

    def _kind(self, key: Kind, now_s: float) -> _Passed:
        if key not in self._kinds:
            self._kinds[key] = _Passed(TokenBucket(self._burst, self._per_s, now_s))
        self._kinds.move_to_end(key)
        return self._kinds[key]

    def _forgotten(self) -> list[_Passed]:
        surplus = max(0, len(self._kinds) - _KINDS)
        return [self._kinds.popitem(last=False)[1] for _ in range(surplus)]


def kind_of(record: logging.LogRecord) -> Kind:
    """Return what a record is counted as."""
    if record.levelno < logging.ERROR:
        return record.name, record.levelno, str(record.msg)
    return record.name, record.levelno, re.sub(r"\d+", "0", _said(record))


def _summaries(kinds: Iterable[_Passed]) -> list[logging.LogRecord]:
    """Return records that tell how many were swallowed of each kind, and forget them."""
    told = []
    for kind in kinds:
        if kind.last is not None:
            kind.last.msg = f"{kind.swallowed} more like this were left out, the last one: {kind.last.msg}"
            told.append(kind.last)
            kind.swallowed, kind.last = 0, None
    return told


def _bare(record: logging.LogRecord) -> logging.LogRecord:
    """Return what a record says without what it holds: arguments, and frames of the stack."""
    return logging.LogRecord(
        record.name,
        record.levelno,
        record.pathname,
        record.lineno,
        _said(record),
        None,
        None,
        record.funcName,
    )


def _said(record: logging.LogRecord) -> str:
    """Return what a record says; of a wrong log call, which its handler tells of, the template."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - a filter that raises would raise in whoever logs
        return str(record.msg)
