import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import CommandError
from appliance.remote.request import Envelope
from appliance.remote.signature import is_signed, key_id, load_key, new_key, public_key, public_text, sign
from tests.readings.clocks import SetClock
from tests.remote.operators import ALI, COOK, request

ENVELOPE = sign(request(SetClock()), ALI)


def test_only_the_owner_of_the_key_signs() -> None:
    assert is_signed(ENVELOPE, ALI.public_key())
    assert not is_signed(ENVELOPE, COOK.public_key())
    assert ENVELOPE.key == key_id(ALI.public_key()) != key_id(COOK.public_key())


@given(st.data())
def test_no_letter_of_a_request_can_be_changed(data: st.DataObject) -> None:
    text = ENVELOPE.request
    at = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.characters(codec="utf-8").filter(lambda letter: letter != text[at]))
    changed = ENVELOPE.model_copy(update={"request": text[:at] + letter + text[at + 1 :]})
    assert not is_signed(changed, ALI.public_key())


@given(st.binary(min_size=64, max_size=64))
def test_no_other_signature_fits(signature: bytes) -> None:
    forged = Envelope(key=ENVELOPE.key, signature=base64.b64encode(signature).decode(), request="{}")
    assert not is_signed(forged, ALI.public_key())


def test_what_is_signed_means_nothing_elsewhere() -> None:
    bare = base64.b64encode(ALI.sign(ENVELOPE.request.encode())).decode()
    assert not is_signed(ENVELOPE.model_copy(update={"signature": bare}), ALI.public_key())


def test_a_new_key_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "ali.pem"
    public = new_key(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert public_text(load_key(file).public_key()) == public_text(public)
    assert public_text(public_key(public_text(public))) == public_text(public)
    before = file.read_bytes()
    with pytest.raises(CommandError, match="is there already"):
        new_key(file)
    assert file.read_bytes() == before
    with pytest.raises(CommandError, match="cannot be written"):
        new_key(tmp_path / "nowhere" / "ali.pem")


def test_a_file_that_is_no_key_is_one_clear_line(tmp_path: Path) -> None:
    curve = generate_private_key(SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for content, why in ((b"junk", "is no private key"), (curve, "is no Ed25519 key")):
        (tmp_path / "key.pem").write_bytes(content)
        with pytest.raises(CommandError, match=why) as caught:
            load_key(tmp_path / "key.pem")
        assert "\n" not in str(caught.value)
    with pytest.raises(CommandError, match="cannot be read"):
        load_key(tmp_path / "missing.pem")


def test_an_envelope_is_text_in_text() -> None:
    fields = json.loads(ENVELOPE.model_dump_json())
    assert fields["schema"] == "janban.command/1"
    assert json.loads(fields["request"])["command"] == "restart"
