"""Real processes, as logging is set up once per process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.logs.setup import in_journal
from tests.logs.test_journal import Journal

LOG = """
import logging
from pathlib import Path
from appliance.logs.setup import set_up
set_up(journal=Path({journal!r}))
logging.getLogger("appliance.test").warning("%s", "password=hunter2")
logging.getLogger("appliance.test").info("a detail")
for number in range(100):
    logging.getLogger("appliance.flood").warning("flood %d", number)
"""


def logged(journal: Path, environment: dict[str, str], stderr: int) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-c", LOG.format(journal=str(journal))],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        stderr=stderr,
        timeout=60,
        check=True,
    )


def test_without_systemd_logs_go_to_standard_error(tmp_path: Path) -> None:
    lines = logged(tmp_path / "none", {}, subprocess.PIPE).stderr.decode().splitlines()
    assert lines[:2] == ["WARNING appliance.test: password=[redacted]", "WARNING appliance.flood: flood 0"]
    assert len(lines) == 32
    assert lines[-1] == "WARNING appliance.flood: 70 more like this were left out, the last one: flood 99"


@pytest.mark.parametrize("level", ["DEBUG", "info"])
def test_the_level_is_the_environments(tmp_path: Path, level: str) -> None:
    told = logged(tmp_path / "none", {"JANBAN_LOG": level}, subprocess.PIPE).stderr.decode()
    assert "INFO appliance.test: a detail" in told


def test_a_level_that_there_is_not_is_said(tmp_path: Path) -> None:
    told = logged(tmp_path / "none", {"JANBAN_LOG": "loud"}, subprocess.PIPE).stderr.decode()
    assert "JANBAN_LOG=loud is no level" in told


def test_under_systemd_they_go_to_the_journal(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "socket")
    with (tmp_path / "stderr").open("wb") as stderr:
        stream = os.fstat(stderr.fileno())
        names = {"JOURNAL_STREAM": f"{stream.st_dev}:{stream.st_ino}"}
        # The socket holds some datagrams only; whoever logs waits for room, but not for ever.
        logged(journal.path, names, stderr.fileno())
    assert journal.next()["MESSAGE"] == "password=[redacted]"
    assert journal.next()["LOGGER"] == "appliance.flood"
    journal.socket.close()


def test_a_sandbox_without_such_sockets_costs_the_fields_not_the_program(tmp_path: Path) -> None:
    forbid = (
        "import socket\ndef refuse(*_, **__): raise OSError(97, 'no such family')\nsocket.socket = refuse\n"
    )
    with (tmp_path / "stderr").open("wb") as stream:
        told = os.fstat(stream.fileno())
        subprocess.run(
            [sys.executable, "-c", forbid + LOG.format(journal=str(tmp_path / "none"))],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(sys.path),
                "JOURNAL_STREAM": f"{told.st_dev}:{told.st_ino}",
            },
            stderr=stream,
            timeout=60,
            check=True,
        )
    assert "appliance.test: password=[redacted]" in (tmp_path / "stderr").read_text()


def test_a_stream_that_is_not_the_journals_is_told_apart(tmp_path: Path) -> None:
    with (tmp_path / "stderr").open("wb") as stderr:
        found = os.fstat(stderr.fileno())
        assert in_journal({"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}, stderr.fileno())
        assert not in_journal({"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino + 1}"}, stderr.fileno())
        assert not in_journal({}, stderr.fileno())
    assert not in_journal({"JOURNAL_STREAM": "1:2"}, 10_000)
