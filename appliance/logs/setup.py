"""Where the logs of a process go; every process of the appliance calls this once."""

import atexit
import contextlib
import logging
import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from appliance.logs.journal import SOCKET, JournalHandler
from appliance.logs.limit import RateLimit
from appliance.logs.text import TextFormatter

_LOG = logging.getLogger(__name__)

_STDERR = 2

LEVEL_VARIABLE = "JANBAN_LOG"


def set_up(
    level: int | None = None,
    *,
    environment: Mapping[str, str] = os.environ,
    journal: Path = SOCKET,
) -> None:
    """Log to the journal where systemd connected standard error with it, else to standard error.

    `level` is the least that is logged; without it, that of the environment's JANBAN_LOG, or WARNING. Does
    nothing where logging is set up already.
    """
    if logging.getLogger().handlers:
        return
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TextFormatter())
    if in_journal(environment, _STDERR):
        # A sandbox that allows no such socket must not keep the program from its work.
        with contextlib.suppress(OSError):
            handler = JournalHandler(handler, journal)
    limit = RateLimit(partial(_tell, handler))
    handler.addFilter(limit)
    atexit.register(limit.tell_all)
    wanted = environment.get(LEVEL_VARIABLE, "WARNING")
    known = logging.getLevelNamesMapping().get(wanted.upper(), logging.WARNING)
    logging.basicConfig(level=known if level is None else level, handlers=[handler])
    if wanted.upper() not in logging.getLevelNamesMapping():
        _LOG.warning("%s=%s is no level; use DEBUG, INFO, WARNING or ERROR", LEVEL_VARIABLE, wanted)


def _tell(handler: logging.Handler, record: logging.LogRecord) -> None:
    """Have a handler write a record past its own filters."""
    handler.acquire()
    try:
        handler.emit(record)
    finally:
        handler.release()


def in_journal(environment: Mapping[str, str], stderr: int) -> bool:
    """Whether a file descriptor is the stream that systemd named in JOURNAL_STREAM (systemd.exec(5))."""
    device, _, inode = environment.get("JOURNAL_STREAM", "").partition(":")
    try:
        found = os.fstat(stderr)
    except OSError:
        return False
    return (device, inode) == (str(found.st_dev), str(found.st_ino))
