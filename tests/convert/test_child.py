"""Tools that talk to a log file, within a deadline."""

import os
import sys
import time
from pathlib import Path

import pytest

from convert.child import run_logged
from convert.errors import ToolError


def run(tmp_path: Path, script: str, *, deadline_s: float = 60.0) -> list[str]:
    lines: list[str] = []
    run_logged(
        (sys.executable, "-c", script), tmp_path / "log", what="the tool", deadline_s=deadline_s,
        on_line=lines.append,
    )  # fmt: skip
    return lines


def test_both_streams_go_to_the_log_and_to_whoever_follows(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("of the step before\n")
    lines = run(
        tmp_path,
        "import sys; print('out', flush=True); print('err', file=sys.stderr); print('no end', end='')",
    )
    assert lines == ["out", "err"]
    assert (tmp_path / "log").read_text() == "of the step before\nout\nerr\nno end"


def test_the_reason_is_the_last_line_of_substance(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"^the tool failed: ValueError: no such layer$"):
        run(tmp_path, "import sys; print('ValueError: no such layer\\n\\n  =====\\n'); sys.exit(3)")


def test_a_silent_failure_and_a_crash_are_named(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"failed: exit status 3$"):
        run(tmp_path, "import sys; sys.exit(3)")
    with pytest.raises(ToolError, match=r"failed: killed by SIGSEGV$"):
        run(tmp_path, "import os; os.kill(os.getpid(), 11)")


def test_what_overruns_is_stopped_with_all_its_children(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(pid_file)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(600)\n"
    )
    with pytest.raises(ToolError, match=r"^the tool took more than 2 s and was stopped$"):
        run(tmp_path, script, deadline_s=2.0)
    assert gone(int(pid_file.read_text()))


def gone(pid: int) -> bool:
    """Tell whether a process ends within a few seconds; a zombie that its new parent has yet to reap has."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (ProcessLookupError, FileNotFoundError):
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_a_tool_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"^the tool cannot be started: /no/such/tool: No such file"):
        run_logged(("/no/such/tool",), tmp_path / "log", what="the tool", deadline_s=1)
