"""Outcomes and drafts for tests."""

from datetime import UTC, datetime
from uuid import UUID

from appliance.readings.measurement import CompartmentMeasurement, Estimates, Outcome, Weights
from appliance.readings.reading import Draft, Origin

ORIGIN = Origin(site="north", device="line-1", boot_id=UUID("0d5a1a5e-6f8e-4a0a-9a35-3f1f7c2f9c11"))
CAPTURED_AT = datetime(2026, 3, 2, 3, 4, 5, 678_901, tzinfo=UTC)
SQUARE = ((0.0, 0.0), (100.0, 0.0), (100.0, 80.0), (0.0, 80.0))


def compartment(**changes: object) -> CompartmentMeasurement:
    values: dict[str, object] = {
        "id": 1,
        "outline": SQUARE,
        "leftover": 0.25,
        "uncertainty": 0.05,
        "confidence": 0.9,
        "estimates": Estimates(back_projection=0.25),
        "weights": Weights(back_projection=1.0),
    }
    return CompartmentMeasurement(**{**values, **changes})


def outcome(**changes: object) -> Outcome:
    values: dict[str, object] = {
        "status": "measured",
        "path": "fallback",
        "compartments": (compartment(), compartment(id=2, leftover=0.75)),
        "leftover": 0.5,
        "latency_ms": {"locate": 12.0, "total": 40.0},
    }
    return Outcome(**{**values, **changes})


def rejected(reason: str = "no tray found") -> Outcome:
    return Outcome(status="rejected", reason=reason, path="fallback", latency_ms={"total": 3.0})


def draft(**changes: object) -> Draft:
    values: dict[str, object] = {
        "origin": ORIGIN,
        "outcome": outcome(),
        "captured_at": CAPTURED_AT,
        "clock": "synced",
    }
    return Draft(**{**values, **changes})
