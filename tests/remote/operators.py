"""Operators, their keys, and what they sign, for tests."""

import json
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.remote.gate import Gate
from appliance.remote.operators import Operator, Operators
from appliance.remote.request import ARGUMENTS, Request
from appliance.remote.signature import key_id, sign
from tests.readings.clocks import SetClock

ALI = Ed25519PrivateKey.from_private_bytes(b"a" * 32)
COOK = Ed25519PrivateKey.from_private_bytes(b"c" * 32)
STRANGER = Ed25519PrivateKey.from_private_bytes(b"s" * 32)

ALL = frozenset(ARGUMENTS)
OPERATORS = Operators(
    {
        key_id(key.public_key()): Operator(name, key.public_key(), commands)
        for name, key, commands in (("ali", ALI, ALL), ("cook", COOK, frozenset({"menu"})))
    }
)


def request(clock: SetClock, command: str = "restart", **changes: object) -> Request:
    values: dict[str, object] = {
        "id": uuid4(),
        "site": "north",
        "device": "line-1",
        "command": command,
        "issued_at": clock.utc(),
        "expires_at": clock.utc() + timedelta(minutes=5),
        "args": {"recalibrate": {"what": "full"}, "menu": {"meal": "bulgogi"}}.get(command, {}),
    }
    return Request.model_validate({**values, **changes})


def signed(asked: Request, key: Ed25519PrivateKey = ALI) -> bytes:
    return sign(asked, key).model_dump_json().encode()


def gate(clock: SetClock, *, synced: bool = True) -> Gate:
    return Gate(OPERATORS, "north", "line-1", clock.utc, lambda: synced)


def told(payload: str) -> Mapping[str, object]:
    result: dict[str, object] = json.loads(payload)
    return result


def same_id(asked: Request, clock: SetClock, command: str) -> Request:
    """Return another request with the id of one that was."""
    return request(clock, command, id=UUID(str(asked.id)))
