"""Run a tool that talks a lot: to a log file, within a deadline, with no process left behind."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Final, TextIO

from convert.errors import ToolError

_POLL_S: Final = 0.1

_ENDING: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)

_LONGEST_REASON: Final = 300


def run_logged(
    command: Sequence[str | Path],
    log: Path,
    *,
    what: str,
    deadline_s: float,
    environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] = lambda _line: None,
) -> None:
    """Run a command to its end; standard output and error are appended to `log`.

    `on_line` gets every whole line soon after it is written. The command runs in a session of its own; where
    it fails, overruns or is interrupted, all of that session's group is killed.
    Raises `ToolError`, "`what` failed: …" with the log's last line of substance, or that it cannot be started
    or took longer than `deadline_s`.
    """
    ends_s = time.monotonic() + deadline_s
    with log.open("ab") as sink, log.open("r", encoding="utf-8", errors="replace") as said:
        said.seek(0, os.SEEK_END)
        # A signal that came just after the start would find nobody to stop the child. The child keeps the
        # mask: it is ended by SIGKILL alone.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        try:
            child = _started(command, sink, environment, what)
            try:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
                status = _followed(child, said, on_line, ends_s)
            finally:
                _kill_group(child)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    if status is None:
        raise ToolError(f"{what} took more than {deadline_s:.0f} s and was stopped")
    if status != 0:
        raise ToolError(f"{what} failed: {_reason(log, status)}")


def _started(
    command: Sequence[str | Path], sink: BinaryIO, environment: Mapping[str, str] | None, what: str
) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(  # noqa: S603 - a list of words, and no shell
            [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
            env=environment, start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise ToolError(f"{what} cannot be started: {command[0]}: {error.strerror}") from None


def _followed(
    child: "subprocess.Popen[bytes]", said: TextIO, on_line: Callable[[str], None], ends_s: float
) -> int | None:
    """Return the child's exit status, or None where it has none at `ends_s`."""
    pending = ""
    while True:
        status = child.poll()
        *lines, pending = (pending + said.read()).split("\n")
        for line in lines:
            on_line(line)
        if status is not None or time.monotonic() > ends_s:
            return status
        time.sleep(_POLL_S)


def _kill_group(child: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _reason(log: Path, status: int) -> str:
    """Return the last line of a log that is no ornament, or what the exit status says."""
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    words = [line for line in lines if any(character.isalnum() for character in line)]
    return words[-1][:_LONGEST_REASON] if words else f"exit status {status}"
