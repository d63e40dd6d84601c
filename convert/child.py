"""Run a tool that talks a lot: to a log file, within a deadline, with no process left behind."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from convert.errors import ToolError

_POLL_S: Final = 0.1

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
        try:
            child = subprocess.Popen(  # noqa: S603 - a list of words, and no shell
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
                env=environment, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise ToolError(f"{what} cannot be started: {command[0]}: {error.strerror}") from None
        try:
            pending = ""
            while True:
                status = child.poll()
                *lines, pending = (pending + said.read()).split("\n")
                for line in lines:
                    on_line(line)
                if status is not None:
                    break
                if time.monotonic() > ends_s:
                    raise ToolError(f"{what} took more than {deadline_s:.0f} s and was stopped")
                time.sleep(_POLL_S)
        finally:
            _kill_group(child)
    if status != 0:
        raise ToolError(f"{what} failed: {_reason(log, status)}")


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
