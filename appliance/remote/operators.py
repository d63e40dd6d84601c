"""The operators: who may ask the box for what."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from appliance.errors import ConfigError
from appliance.readings.model import Name
from appliance.remote.request import CommandName, Envelope, faults_of
from appliance.remote.signature import is_signed, key_id, public_key

_LARGEST_FILE_BYTES = 100_000
_WRITABLE_BY_OTHERS = 0o022


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    key: str = Field(max_length=44)
    commands: list[CommandName]


_FILE = TypeAdapter(dict[Name, _Entry])


@dataclass(frozen=True)
class Operator:
    """Somebody who may give some commands."""

    name: str
    key: Ed25519PublicKey
    commands: frozenset[CommandName]


class Operators:
    """The operators of a box, by the ids of their keys."""

    def __init__(self, by_key: Mapping[str, Operator]) -> None:
        self._by_key = dict(by_key)

    def __len__(self) -> int:
        return len(self._by_key)

    def who_signed(self, envelope: Envelope) -> Operator | None:
        """Return the operator whose signature the envelope bears; None for strangers and forgeries."""
        operator = self._by_key.get(envelope.key)
        return operator if operator is not None and is_signed(envelope, operator.key) else None


def load_operators(file: Path) -> Operators:
    """Read the file of operators; raises `ConfigError`, one line, for anything that cannot be meant."""
    what = f"commands.operators: {file}"
    try:
        if file.stat().st_mode & _WRITABLE_BY_OTHERS:
            raise ConfigError(f"{what}: others than its owner may write it; chmod 644 it")
        if file.stat().st_size > _LARGEST_FILE_BYTES:
            raise ConfigError(f"{what}: is far too large")
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{what}: cannot be read: {error.strerror}; check its name and mode") from None
    except ValueError as error:
        raise ConfigError(f"{what}: is not UTF-8 text: {error}") from None
    return parse_operators(text, what)


def parse_operators(text: str, what: str) -> Operators:
    """Read the text of a file of operators; raises `ConfigError` that begins with `what`."""
    try:
        entries = _FILE.validate_python(tomllib.loads(text))
    except ValidationError as error:
        raise ConfigError(f"{what}: {faults_of(error)}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{what}: is not TOML: {' '.join(str(error).split())[:200]}") from None
    by_key: dict[str, Operator] = {}
    for name, entry in entries.items():
        try:
            key = public_key(entry.key)
        except ValueError:
            raise ConfigError(
                f"{what}: {name}.key: is no public key; take the line that `appliance operator-key` prints"
            ) from None
        other = by_key.setdefault(key_id(key), Operator(name, key, frozenset(entry.commands)))
        if other.name != name:
            raise ConfigError(
                f"{what}: {name} and {other.name} have one key; give everybody a key of their own"
            )
    return Operators(by_key)
