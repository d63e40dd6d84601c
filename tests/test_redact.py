import json
import re
import string
import time

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from appliance.provision.certificate import new_key
from appliance.redact import GONE, redact, redact_tree

ALPHABET = string.ascii_letters + string.digits
SECRETS = st.text(ALPHABET, min_size=12, max_size=60)
NAMES = st.sampled_from(
    [
        *("password", "PASSWORD", "mqtt_password", "passwd", "passphrase", "pwd", "pass", "password_profile"),
        *("token", "auth-token", "tokenvalue", "secret", "client_secret", "psk", "credentials"),
        *("api_key", "apikey", "private key", "access_key"),
    ]
)
AROUND = st.text(max_size=200)


@st.composite
def assigned(draw: st.DrawFn, secret: str) -> str:
    name = draw(NAMES)
    between = draw(st.sampled_from([" = ", "=", ": ", ":", '": "', "': '", " =\t"]))
    quote = draw(st.sampled_from(["", '"', "'", '"""\n', "'''\n", "b'", 'r"', "some ", "x, y "]))
    return f"{name}{between}{quote}{secret}"


@st.composite
def in_url(draw: st.DrawFn, secret: str) -> str:
    scheme = draw(st.sampled_from(["mqtt://", "mqtts://", "http://", "rtsp://", "//", ""]))
    user = draw(st.sampled_from(["line-1", "a.b", "", "user name".replace(" ", "%20")]))
    return f"{scheme}{user}:{secret}@broker.example.org:8883/x"


@st.composite
def in_header(draw: st.DrawFn, secret: str) -> str:
    return f"{draw(st.sampled_from(['Authorization: Bearer ', 'bearer ', 'Basic ', 'Digest x=']))}{secret}"


@st.composite
def in_pem(draw: st.DrawFn, secret: str) -> str:
    kind = draw(st.sampled_from(["PRIVATE KEY", "EC PRIVATE KEY", "CERTIFICATE", "OPENSSH PRIVATE KEY"]))
    end = draw(st.sampled_from([f"\n-----END {kind}-----\n", "\n", ""]))
    return f"-----BEGIN {kind}-----\nMIIB\n{secret}{end}"


@given(AROUND, SECRETS, AROUND, st.data())
def test_no_secret_survives_whatever_is_around_it(
    before: str, secret: str, after: str, data: st.DataObject
) -> None:
    assume(secret not in before + after)
    shape = data.draw(st.sampled_from([assigned, in_url, in_header, in_pem]))
    separator = data.draw(st.sampled_from(["\n", " "]))
    text = f"{before}{separator}{data.draw(shape(secret))}{separator}{after}"
    assert secret not in redact(text)


@given(st.text())
@example("a:b@c")
def test_what_is_redacted_once_stays_as_it_is(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


def test_a_key_goes_line_by_line_too() -> None:
    key = new_key().decode()
    lines = [line for line in key.splitlines() if not line.startswith("-----") and len(line) >= 60]
    assert lines
    for line in lines:
        assert line not in redact(f"Nov 29 06:00:00 box janban[7]: {line}")
    assert redact(key).strip() == GONE
    assert not any(line in redact(repr(key.encode())) for line in lines)


@pytest.mark.parametrize(
    "text",
    [
        'password_file = "/etc/janban/mqtt-password"',
        'key = "/var/lib/janban/identity/0123456789abcdef/device.key"',
        "2026-11-29T06:00:00+0900 box janban[812]: WARNING appliance.publish: 127.0.0.1:8883: timed out",
        "usb 2-1: new SuperSpeed USB device number 7 using xhci_hcd",
        "mqtt.password_file: /etc/janban/password cannot be read; check its owner and mode",
        "connected to broker.example:8883, MQTT 5",
        "the broker refused: bad user name or password",
        "/var/lib/" + "long-folder/" * 30,
        "sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "/opt/janban/lib/python3.11/site-packages/appliance/inference/supervisor.py",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("piece", ["a:", "password", "-----BEGIN", "://", "a@", "A", "token=", '"""', " "])
def test_a_hostile_text_takes_no_time(piece: str) -> None:
    """A pattern that goes back and forth over its text would need hours for this."""
    start_s = time.monotonic()
    redact(piece * (200_000 // len(piece)))
    assert time.monotonic() - start_s < 60


VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES, NAMES, SECRETS, st.data())
def test_no_secret_survives_in_a_tree(around: object, name: str, secret: str, data: st.DataObject) -> None:
    assume(secret not in json.dumps(around))
    hidden = data.draw(in_url(secret) | in_header(secret) | in_pem(secret))
    tree = {"a": [around, {"b": hidden}], "c": {name: [secret]}, name: secret, "password_file": "/etc/p"}
    found = redact_tree(tree)
    assert secret not in json.dumps(found)
    assert isinstance(found, dict)
    assert (found.keys(), found["password_file"]) == (tree.keys(), "/etc/p")


def test_lines_stay_lines() -> None:
    text = "one\npassword = x\nthree"
    assert re.findall("^one$|^three$", redact(text), re.MULTILINE) == ["one", "three"]
