"""What operators ask for, `janban.command/1`, and what the box answers, `janban.command-result/1`."""

from datetime import timedelta
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field, JsonValue, StringConstraints, ValidationError

from appliance.readings.model import Line, Model, Name
from appliance.readings.reading import UtcTime

COMMAND_SCHEMA: Final = "janban.command/1"
RESULT_SCHEMA: Final = "janban.command-result/1"

LARGEST_ENVELOPE_BYTES = 8192
LONGEST_LIFE = timedelta(minutes=10)
"""From a request's `issued_at` to its `expires_at`, at most."""

CommandName = Literal["recalibrate", "capture", "menu", "restart", "diagnostics", "update"]

Status = Literal["done", "failed", "refused", "interrupted"]

Signature = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{86}==$")]
"""64 bytes of Ed25519 (RFC 8032) in base64."""

KeyId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
"""The first 8 bytes of the SHA-256 of an operator's raw public key, in hexadecimal."""


class Request(Model):
    """What is signed: one command for one box, for a short time."""

    id: UUID = Field(description="New for every request; one that comes again is not done again")
    site: Name
    device: Name
    command: CommandName
    issued_at: UtcTime = Field(description="In UTC", json_schema_extra={"format": "date-time"})
    expires_at: UtcTime = Field(
        description="In UTC, at most 10 minutes after issued_at", json_schema_extra={"format": "date-time"}
    )
    args: dict[Annotated[str, StringConstraints(max_length=32)], JsonValue] = Field(
        default_factory=dict, max_length=8, description="Depends on the command"
    )


class Envelope(Model):
    """The payload of a command: the request as text, so that exactly what was signed is checked."""

    schema_id: Literal["janban.command/1"] = Field(default=COMMAND_SCHEMA, alias="schema")
    key: KeyId = Field(description="Names the operator's key")
    signature: Signature = Field(
        description='Ed25519, in base64, of "janban.command/1", a line feed, and the request, in UTF-8'
    )
    request: Annotated[str, StringConstraints(max_length=4096)] = Field(description="A request, in JSON")


class Attachment(Model):
    """A file that a result brings."""

    media_type: Annotated[str, StringConstraints(pattern=r"^[a-z]+/[a-z0-9.+-]{1,40}$")]
    base64: Annotated[str, StringConstraints(max_length=400_000)]


class Result(Model):
    """The answer to a request."""

    schema_id: Literal["janban.command-result/1"] = Field(default=RESULT_SCHEMA, alias="schema")
    id: UUID | None = Field(description="The request's; null where the request could not be read")
    site: Name
    device: Name
    command: Name
    status: Status = Field(
        description="failed: was tried; refused: was not; interrupted: the box went down before it was done"
    )
    detail: Line = Field(description="In words")
    at: UtcTime = Field(description="When it was answered, in UTC", json_schema_extra={"format": "date-time"})
    data: dict[str, JsonValue] = Field(default_factory=dict, description="Depends on the command")
    attachment: Attachment | None = None


class NoArguments(Model):
    """For commands that need nothing to be said."""


class TrayArguments(Model):
    """For commands that wait for the next tray."""

    wait_s: int = Field(default=120, ge=5, le=300, description="Seconds to wait for a tray")


class RecalibrateArguments(TrayArguments):
    """What the next tray becomes: the full serving, or the empty tray, of the present tray type."""

    what: Literal["full", "empty"]


class MenuArguments(Model):
    """The meal that readings carry from now on."""

    meal: Line | Literal[""] = Field(description="Its name; empty for none")
    until: UtcTime | None = Field(
        default=None,
        description="Until when, at most 7 days from now; not given: the end of the box's day",
        json_schema_extra={"format": "date-time"},
    )


ARGUMENTS: Final[dict[str, type[Model]]] = {
    "recalibrate": RecalibrateArguments,
    "capture": TrayArguments,
    "menu": MenuArguments,
    "restart": NoArguments,
    "diagnostics": NoArguments,
    "update": NoArguments,
}
"""Every command, and what may be said with it."""


def faults_of(error: ValidationError) -> str:
    """Return what is wrong with something that was to be read, by key, in at most 200 characters."""
    faults = error.errors(include_input=False, include_url=False)
    return " | ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in faults)[:200]
