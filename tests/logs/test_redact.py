import logging

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from appliance.logs.redact import redacted
from appliance.logs.text import TextFormatter
from tests.logs.records import raised, record

TOLD = "c0rrect-horse"


@pytest.mark.parametrize(
    "text",
    [
        f"password={TOLD}",
        f"Password: {TOLD}",
        f'{{"password": "{TOLD} and more {TOLD}"}}',
        f"mqtt_password = '{TOLD}'",
        f"https://broker.example/?api_key={TOLD}&site=north",
        f"mqtts://box:{TOLD}@broker.example:8883",
        f"Authorization: Bearer {TOLD}",
        f"Client(token={TOLD!r}, host='broker')",
        f"-----BEGIN PRIVATE KEY-----\n{TOLD}\n-----END PRIVATE KEY-----",
        f"-----BEGIN EC PRIVATE KEY-----\n{TOLD}",
    ],
)
def test_secrets_do_not_pass(text: str) -> None:
    assert TOLD not in redacted(text)
    assert "[redacted]" in redacted(text)


@pytest.mark.parametrize(
    "text",
    [
        "mqtt.password_file: /etc/janban/password cannot be read; check its owner and mode",
        "connected to broker.example:8883, MQTT 5",
        "https://broker.example:8883/a@b",
        "model midas sha256 " + "0123456789abcdef" * 4,
        "the broker refused: bad user name or password",
        "/var/lib/" + "long-folder/" * 30,
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redacted(text) == text


def test_a_real_key_does_not_pass_in_any_form() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    body = "".join(pem.splitlines()[1:-1])
    for text in (pem, repr(pem.encode()), f"loaded {body} from disk"):
        assert body[:30] not in redacted(text)


def test_arguments_and_exceptions_are_redacted_too() -> None:
    line = record("cannot log in: %s", f"password={TOLD}", error=raised(f"token={TOLD}"))
    text = TextFormatter().format(line)
    assert text.startswith("INFO appliance.test: cannot log in: password=[redacted]\nTraceback")
    assert TOLD not in text


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    assert redacted(redacted(text)) == redacted(text)


def test_long_texts_take_no_long_time() -> None:
    """A pattern that backtracks would take hours for these, and run into the test's timeout."""
    for piece in ("a.", "a_", "password", "-----BEGIN ", "a://b:", "A", "://", "'", "\\"):
        redacted(piece * (200_000 // len(piece)))


def test_text_is_one_line_with_level_and_logger() -> None:
    assert TextFormatter().format(record("%d trays", 3, level=logging.WARNING)) == (
        "WARNING appliance.test: 3 trays"
    )
