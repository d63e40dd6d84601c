"""Signing requests, and checking who signed them: Ed25519 (RFC 8032)."""

import base64
import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from appliance.errors import CommandError
from appliance.remote.request import COMMAND_SCHEMA, Envelope, Request


def public_text(key: Ed25519PublicKey) -> str:
    """Return the key's 32 bytes in base64, as the file of operators has them."""
    return base64.b64encode(key.public_bytes_raw()).decode()


def public_key(text: str) -> Ed25519PublicKey:
    """Return the key that `public_text` wrote; raises ValueError for anything else."""
    return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))


def key_id(key: Ed25519PublicKey) -> str:
    """Return what envelopes name the key by."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def sign(request: Request, key: Ed25519PrivateKey) -> Envelope:
    """Return the request in its signed envelope."""
    text = request.model_dump_json()
    signature = base64.b64encode(key.sign(_signed(text))).decode()
    return Envelope(key=key_id(key.public_key()), signature=signature, request=text)


def is_signed(envelope: Envelope, key: Ed25519PublicKey) -> bool:
    """Tell whether the owner of `key` signed what is in the envelope."""
    try:
        key.verify(base64.b64decode(envelope.signature), _signed(envelope.request))
    except InvalidSignature:
        return False
    return True


def new_key(file: Path) -> Ed25519PublicKey:
    """Make a key pair and keep the private half in `file` (PEM), for its owner alone.

    Raises `CommandError` where it cannot be written, or is there already.
    """
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(pem)
    except FileExistsError:
        raise CommandError(f"{file}: is there already; name another file, or remove it") from None
    except OSError as error:
        raise CommandError(f"{file}: cannot be written: {error.strerror}") from None
    return key.public_key()


def load_key(file: Path) -> Ed25519PrivateKey:
    """Read an operator's private key; raises `CommandError`, one line."""
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except OSError as error:
        raise CommandError(f"{file}: cannot be read: {error.strerror}") from None
    except (ValueError, TypeError):
        raise CommandError(f"{file}: is no private key (PEM); `appliance operator-key` makes one") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise CommandError(f"{file}: is no Ed25519 key; `appliance operator-key` makes one")
    return key


def _signed(request: str) -> bytes:
    """Return the bytes that are signed; the schema's name keeps them from meaning anything else."""
    return f"{COMMAND_SCHEMA}\n{request}".encode()
