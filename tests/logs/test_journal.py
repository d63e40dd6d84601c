"""The journal's protocol against a socket that plays the journal."""

import array
import io
import logging
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.logs.journal import JournalHandler, encoded, fields_of
from appliance.logs.text import TextFormatter
from tests.logs.records import raised, record


def decoded(content: bytes) -> dict[str, str]:
    """Read the protocol, as its specification has it."""
    fields = {}
    while content:
        end = content.index(b"\n")
        name, equals, value = content[:end].partition(b"=")
        content = content[end + 1 :]
        if not equals:
            (length,) = struct.unpack("<Q", content[:8])
            value, newline, content = (
                content[8 : 8 + length],
                content[8 + length : 9 + length],
                content[9 + length :],
            )
            assert newline == b"\n"
        fields[name.decode()] = value.decode()
    return fields


class Journal:
    """Listens as journald does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(10.0)

    def next(self) -> dict[str, str]:
        content, rights, _, _ = self.socket.recvmsg(1 << 20, socket.CMSG_SPACE(4))
        if not rights:
            return decoded(content)
        assert content == b""
        [file] = array.array("i", rights[0][2])
        with os.fdopen(file, "rb") as stream:
            with pytest.raises(OSError, match="not permitted"):
                os.ftruncate(file, 0)
            stream.seek(0)
            return decoded(stream.read())


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "socket")
    yield journal
    journal.socket.close()


@pytest.fixture
def otherwise() -> logging.StreamHandler[io.StringIO]:
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(TextFormatter())
    return handler


def test_a_record_arrives_with_its_fields(
    journal: Journal, otherwise: logging.StreamHandler[io.StringIO]
) -> None:
    handler = JournalHandler(otherwise, journal.path)
    handler.handle(record("%d trays\nof %s", 3, "잔반", level=logging.ERROR))
    found = journal.next()
    handler.close()
    assert found["MESSAGE"] == "3 trays\nof 잔반"
    assert found["PRIORITY"] == "3"
    assert found["LOGGER"] == "appliance.test"
    assert found["SYSLOG_IDENTIFIER"] == "janban"
    assert (found["CODE_FILE"], found["CODE_LINE"], found["CODE_FUNC"]) == ("/code/file.py", "12", "work")
    assert found["THREAD_NAME"] == "MainThread"
    assert otherwise.stream.getvalue() == ""


def test_an_exception_has_a_field_of_its_own_and_no_secret(
    journal: Journal, otherwise: logging.StreamHandler[io.StringIO]
) -> None:
    handler = JournalHandler(otherwise, journal.path)
    handler.handle(record("it failed", error=raised("password=hunter2")))
    found = journal.next()
    handler.close()
    assert found["EXCEPTION"].endswith("ValueError: password=[redacted]")
    assert found["MESSAGE"] == f"it failed\n{found['EXCEPTION']}"


def test_what_is_too_large_for_a_datagram_arrives_in_a_sealed_file(
    journal: Journal, otherwise: logging.StreamHandler[io.StringIO]
) -> None:
    handler = JournalHandler(otherwise, journal.path)
    text = "a line of a long story\n" * 100_000
    handler.handle(record(text))
    assert journal.next()["MESSAGE"] == text
    handler.close()


def test_without_a_journal_the_record_goes_elsewhere(
    tmp_path: Path, otherwise: logging.StreamHandler[io.StringIO]
) -> None:
    handler = JournalHandler(otherwise, tmp_path / "none")
    handler.handle(record("still heard"))
    handler.close()
    assert otherwise.stream.getvalue() == "INFO appliance.test: still heard\n"


def test_a_journal_that_does_not_listen_costs_records_not_time(
    journal: Journal, otherwise: logging.StreamHandler[io.StringIO]
) -> None:
    handler = JournalHandler(otherwise, journal.path)
    sent = 0
    while not handler._dropped:
        handler.handle(record("%d", sent))
        sent += 1
    for number in range(sent - 1):
        assert journal.next()["MESSAGE"] == str(number)
    handler.handle(record("it listens again"))
    assert journal.next()["DROPPED_BEFORE"] == "1"
    handler.handle(record("and goes on"))
    assert "DROPPED_BEFORE" not in journal.next()
    handler.close()
    assert otherwise.stream.getvalue() == ""


@pytest.mark.parametrize(
    ("level", "priority"),
    [(logging.DEBUG, "7"), (logging.INFO, "6"), (logging.WARNING, "4"), (logging.ERROR, "3"), (50, "2")],
)
def test_levels_are_syslogs(level: int, priority: str) -> None:
    assert fields_of(record(level=level))["PRIORITY"] == priority


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Z0-9_]{0,20}", fullmatch=True), st.text()))
def test_any_value_arrives_as_it_was(fields: dict[str, str]) -> None:
    assert decoded(encoded(fields)) == fields


def test_half_a_character_costs_itself_only() -> None:
    assert decoded(encoded({"MESSAGE": "a\ud800b"})) == {"MESSAGE": "a?b"}
