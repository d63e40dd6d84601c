"""The reading, `janban.reading/1`: what one tray was, told to whoever subscribes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Field, PlainSerializer

from appliance.readings.measurement import Outcome
from appliance.readings.model import Line, Model, Name
from appliance.readings.uuid7 import uuid7

SCHEMA_ID: Final = "janban.reading/1"

ClockState = Literal["synced", "unsynced"]


def _version_7(value: UUID) -> UUID:
    if value.version != 7:
        raise ValueError("not a UUID of version 7")
    return value


def _to_utc(value: datetime) -> datetime:
    try:
        value = value.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time that UTC has no year for") from None
    return value.replace(microsecond=value.microsecond // 1000 * 1000)


def _iso(value: datetime) -> str:
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")


Uuid7 = Annotated[UUID, AfterValidator(_version_7)]
UtcTime = Annotated[AwareDatetime, AfterValidator(_to_utc), PlainSerializer(_iso, str, when_used="json")]


class Identity(Model):
    """Who saw the tray, and when."""

    schema_id: Literal["janban.reading/1"] = Field(default=SCHEMA_ID, alias="schema")
    id: Uuid7 = Field(description="UUID version 7; a reading that is delivered twice keeps it")
    device: Name
    site: Name
    sequence: int = Field(ge=1, description="Counts the device's readings without gaps, over restarts")
    boot_id: UUID = Field(description="The boot of the device that captured the tray")
    captured_at: UtcTime = Field(
        description="When the tray was captured, in UTC with milliseconds",
        json_schema_extra={"format": "date-time"},
    )
    clock: ClockState = Field(description="unsynced: captured_at may be wrong, rely on sequence")
    historical: bool = Field(default=False, description="Published late: not an event of this moment")
    meal: Line | None = Field(default=None, description="The meal being served, if one was set")
    models: dict[str, str] = Field(default_factory=dict, description="Networks that took part, and versions")


class Reading(Outcome, Identity):
    """One tray's reading."""

    def to_json(self) -> str:
        """Return the payload: compact JSON in the schema's order."""
        return self.model_dump_json()

    @classmethod
    def from_json(cls, payload: str | bytes) -> Self:
        """Parse a payload as a consumer should: fields this version does not know are ignored.

        Raises pydantic's `ValidationError`, a `ValueError`, if it is not a reading.
        """
        return cls.model_validate_json(payload, extra="ignore")

    def late(self) -> Self:
        """Return the same reading marked as published late."""
        return self.model_copy(update={"historical": True})


@dataclass(frozen=True)
class Origin:
    """Where readings come from: names as in `Name`, and the boot of this process."""

    site: str
    device: str
    boot_id: UUID


@dataclass(frozen=True)
class Draft:
    """A reading that has no sequence number yet; the store gives it one.

    `made_s` (monotonic) is when it was made, None where that is when it is stored.
    """

    origin: Origin
    outcome: Outcome
    captured_at: datetime
    clock: ClockState
    meal: str | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    id: UUID = field(default_factory=uuid7)
    made_s: float | None = None

    def numbered(self, sequence: int) -> Reading:
        """Return the reading with its `sequence`, 1 or more; raises pydantic's `ValidationError`."""
        outcome = {name: getattr(self.outcome, name) for name in Outcome.model_fields}
        return Reading(
            id=self.id,
            device=self.origin.device,
            site=self.origin.site,
            sequence=sequence,
            boot_id=self.origin.boot_id,
            captured_at=self.captured_at,
            clock=self.clock,
            meal=self.meal,
            models=dict(self.models),
            **outcome,
        )
