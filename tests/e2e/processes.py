"""The appliance as its users start it: real processes, their output and exit status."""

import subprocess
import sys
from pathlib import Path

ENOUGH_S = 60.0


def appliance(*arguments: str | Path, timeout_s: float = ENOUGH_S) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=timeout_s, check=False)


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    """Start a command that runs until it is told to stop."""
    return subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "appliance.cli", *map(str, arguments)]


def refused(result: subprocess.CompletedProcess[str]) -> str:
    """Return the one line with which a command refused; anything else fails the test."""
    assert result.returncode != 0
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("appliance: ")
    return lines[0]
