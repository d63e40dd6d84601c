"""Who may ask for what, and when."""

import base64
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.remote.gate import Accepted, Refused
from appliance.remote.request import ARGUMENTS, Envelope
from appliance.remote.signature import sign
from tests.readings.clocks import SetClock
from tests.remote.operators import ALI, COOK, STRANGER, gate, request, signed

CLOCK = SetClock()
VALID = json.loads(signed(request(CLOCK)))


@pytest.mark.parametrize("command", list(ARGUMENTS))
@pytest.mark.parametrize(("who", "may"), [("ali", set(ARGUMENTS)), ("cook", {"menu"}), ("stranger", set())])
def test_everybody_may_what_the_file_says(who: str, may: set[str], command: str) -> None:
    key = {"ali": ALI, "cook": COOK, "stranger": STRANGER}[who]
    judged = gate(CLOCK).judge(command, signed(request(CLOCK, command), key))
    if command in may:
        assert isinstance(judged, Accepted)
        assert (judged.operator, judged.stale) == (who, None)
        assert isinstance(judged.arguments, ARGUMENTS[command])
    else:
        assert isinstance(judged, Refused)
        assert not judged.trusted


@pytest.mark.parametrize(
    "elsewhere", [{"site": "south"}, {"device": "line-2"}, {"command": "capture"}, {"device": "line-1-"}]
)
def test_what_is_signed_for_another_box_or_command_is_not_done_here(elsewhere: dict[str, str]) -> None:
    judged = gate(CLOCK).judge("restart", signed(request(CLOCK, **elsewhere)))
    assert isinstance(judged, Refused)
    assert not judged.trusted


@pytest.mark.parametrize(
    ("issued_s", "expires_s", "why"),
    [
        (0, 300, None),
        (-299, 1, None),
        (59, 300, None),
        (0, 600, None),
        (-300, 0, "has expired"),
        (-7200, -6900, "has expired"),
        (61, 300, "comes from the future"),
        (0, 601, "lives longer than 10 minutes"),
        (-3600, 3600, "lives longer than 10 minutes"),
    ],
)
def test_a_request_has_its_time(issued_s: int, expires_s: int, why: str | None) -> None:
    now = CLOCK.utc()
    asked = request(
        CLOCK, issued_at=now + timedelta(seconds=issued_s), expires_at=now + timedelta(seconds=expires_s)
    )
    judged = gate(CLOCK).judge("restart", signed(asked))
    assert isinstance(judged, Accepted)
    assert judged.stale is None if why is None else why in str(judged.stale)


def test_without_a_clock_nothing_is_fresh() -> None:
    judged = gate(CLOCK, synced=False).judge("restart", signed(request(CLOCK)))
    assert isinstance(judged, Accepted)
    assert "the clock of this box is not set" in str(judged.stale)


@pytest.mark.parametrize(
    ("command", "args", "why"),
    [
        ("restart", {"now": True}, "now: Extra inputs"),
        ("recalibrate", {}, "what: Field required"),
        ("recalibrate", {"what": "both"}, "what: Input should be 'full' or 'empty'"),
        ("recalibrate", {"what": "full", "wait_s": 10_000}, "wait_s: Input should be less"),
        ("capture", {"wait_s": "60"}, "wait_s: Input should be a valid integer"),
        ("capture", {"file": "../../etc/passwd"}, "file: Extra inputs"),
        ("menu", {"meal": "a\nb"}, "meal"),
        ("menu", {"meal": "a" * 201}, "meal"),
        ("menu", {"meal": "a", "until": "2026-03-02T12:00:00"}, "until: Input should have timezone"),
    ],
)
def test_arguments_are_those_of_the_command(command: str, args: dict[str, Any], why: str) -> None:
    judged = gate(CLOCK).judge(command, signed(request(CLOCK, command, args=args)))
    assert isinstance(judged, Refused)
    assert judged.trusted
    assert why in judged.why
    assert "\n" not in judged.why


def test_a_request_that_is_signed_but_wrong_is_told_so() -> None:
    for text in ("{}", "[]", "", "null", '{"id": 1}', "[" * 3000):
        envelope = Envelope(key=VALID["key"], signature=VALID["signature"], request=text)
        resigned = envelope.model_copy(update={"signature": _signature(text)})
        judged = gate(CLOCK).judge("restart", resigned.model_dump_json().encode())
        assert isinstance(judged, Refused)
        assert judged.trusted


def _signature(text: str) -> str:
    return base64.b64encode(ALI.sign(f"janban.command/1\n{text}".encode())).decode()


@given(st.binary(max_size=200))
@example(b"")
@example(b"{}")
@example(b"null")
@example(b"[" * 8000)
@example(b'{"schema":"janban.command/1"}')
@example(b"\xff\xfe")
@example(b'{"a":' * 1000)
@example(b"1" * 9000)
def test_whatever_comes_is_refused_and_breaks_nothing(payload: bytes) -> None:
    judged = gate(CLOCK).judge("restart", payload)
    assert isinstance(judged, Refused)
    assert not judged.trusted


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


@given(st.sampled_from(sorted(VALID)), JSON)
def test_no_field_of_an_envelope_can_be_replaced(field: str, value: object) -> None:
    if value == VALID[field]:
        return
    payload = json.dumps({**VALID, field: value}).encode()
    assert isinstance(gate(CLOCK).judge("restart", payload), Refused)


@given(st.dictionaries(st.text(max_size=20), JSON, max_size=4), st.sampled_from(sorted(ARGUMENTS)))
def test_signed_arguments_are_judged_whatever_they_are(args: dict[str, Any], command: str) -> None:
    text = json.dumps(
        {
            "id": str(UUID(int=7)),
            "site": "north",
            "device": "line-1",
            "command": command,
            "issued_at": CLOCK.utc().isoformat(),
            "expires_at": CLOCK.utc().isoformat(),
            "args": args,
        }
    )
    if len(text) > 4096:
        return
    envelope = Envelope(key=VALID["key"], signature=_signature(text), request=text)
    judged = gate(CLOCK).judge(command, envelope.model_dump_json().encode())
    if isinstance(judged, Refused):
        assert judged.trusted
    else:
        assert isinstance(judged.arguments, ARGUMENTS[command])


def test_signing_again_is_another_request() -> None:
    once, again = (gate(CLOCK).judge("restart", signed(request(CLOCK))) for _ in range(2))
    assert isinstance(once, Accepted)
    assert isinstance(again, Accepted)
    assert once.digest != again.digest
    asked = request(CLOCK)
    assert sign(asked, ALI) == sign(asked, ALI)
