"""The journal's native protocol: one datagram of named fields per record.

https://systemd.io/JOURNAL_NATIVE_PROTOCOL/; names of fields as in systemd.journal-fields(7). The journal adds
who sent it (process, unit, boot) by itself.
"""

import errno
import fcntl
import logging
import os
import socket
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from appliance.logs.text import message_of, trace_of

SOCKET: Final = Path("/run/systemd/journal/socket")

_PRIORITIES: Final = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG: Final = 7
_IDENTIFIER: Final = "janban"
_SEND_S: Final = 0.1
"""A journal that does not listen must not hold up a tray."""


class JournalHandler(logging.Handler):
    """Sends records to the journal; where there is none they go to `otherwise`.

    A journal that does not listen for a while costs the records of that while, which the next one tells.
    """

    def __init__(self, otherwise: logging.Handler, path: Path = SOCKET) -> None:
        super().__init__()
        self._otherwise = otherwise
        self._path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.settimeout(_SEND_S)
        self._dropped = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record."""
        try:
            fields = fields_of(record)
        except Exception:  # noqa: BLE001 - logging's own way to tell of a wrong call
            self.handleError(record)
            return
        if self._dropped:
            fields["DROPPED_BEFORE"] = str(self._dropped)
        try:
            self._send(encoded(fields))
        except TimeoutError:
            # Not to standard error, which is the journal's, too, and waits for ever.
            self._dropped += 1
        except OSError:
            self._otherwise.handle(record)
        else:
            self._dropped = 0

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()
        super().close()

    def _send(self, content: bytes) -> None:
        try:
            self._socket.sendto(content, self._path)
        except OSError as error:
            if error.errno not in (errno.EMSGSIZE, errno.ENOBUFS):
                raise
            self._send_large(content)

    def _send_large(self, content: bytes) -> None:
        """Send what is too large for a datagram as a sealed file in memory."""
        seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
        file = os.memfd_create("janban-log", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            with os.fdopen(file, "wb", closefd=False) as stream:
                stream.write(content)
            fcntl.fcntl(file, fcntl.F_ADD_SEALS, seals)
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", file))]
            self._socket.sendmsg([], rights, 0, self._path)
        finally:
            os.close(file)


def fields_of(record: logging.LogRecord) -> dict[str, str]:
    """Return a record as the journal's fields; raises what a wrong log call raises."""
    fields = {
        "MESSAGE": message_of(record),
        "PRIORITY": str(_priority(record.levelno)),
        "SYSLOG_IDENTIFIER": _IDENTIFIER,
        "LOGGER": record.name,
        "THREAD_NAME": record.threadName or "",
        "PROCESS_NAME": record.processName or "",
        "CODE_FILE": record.pathname,
        "CODE_LINE": str(record.lineno),
        "CODE_FUNC": record.funcName or "",
    }
    if (trace := trace_of(record)) is not None:
        fields["EXCEPTION"] = trace
        # `journalctl` alone shows the message alone.
        fields["MESSAGE"] += "\n" + trace
    return fields


def encoded(fields: Mapping[str, str]) -> bytes:
    """Return fields in the journal's form: one line each, or the length first where there are several."""
    return b"".join(_field(name.encode(), text.encode(errors="replace")) for name, text in fields.items())


def _field(name: bytes, value: bytes) -> bytes:
    if b"\n" in value:
        return name + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"
    return name + b"=" + value + b"\n"


def _priority(level: int) -> int:
    return next((priority for least, priority in _PRIORITIES if level >= least), _DEBUG)
