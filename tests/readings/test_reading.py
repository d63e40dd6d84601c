import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from appliance.readings.measurement import CompartmentMeasurement, Contents, Estimates, Measurement, Weights
from appliance.readings.reading import Draft, Reading
from appliance.readings.schema import PATH, json_schema
from tests.readings.examples import ORIGIN, compartment, draft, outcome, rejected

fractions = st.floats(0, 1)
pixels = st.floats(-5000, 5000)
words = st.text("abz", min_size=1, max_size=5)
lines = st.text('a 밥é"\\/{😀', min_size=1, max_size=60)


@st.composite
def compartments(draw: st.DrawFn, number: int) -> CompartmentMeasurement:
    three = draw(st.lists(fractions, min_size=3, max_size=3).filter(lambda shares: sum(shares) > 0.01))
    return compartment(
        id=number,
        outline=tuple(draw(st.lists(st.tuples(pixels, pixels), min_size=3, max_size=8))),
        leftover=draw(fractions),
        uncertainty=draw(fractions),
        confidence=draw(fractions),
        contents=draw(st.none() | st.builds(Contents, **dict.fromkeys(Contents.model_fields, fractions))),
        estimates=Estimates(
            back_projection=draw(fractions), depth=draw(fractions), segmentation=draw(fractions)
        ),
        weights=Weights(**{k: v / sum(three) for k, v in zip(Weights.model_fields, three, strict=True)}),
        flags=tuple(draw(st.lists(words, max_size=3))),
    )


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    status = draw(st.sampled_from(["measured", "degraded", "rejected"]))
    numbers = draw(st.lists(st.integers(0, 20), min_size=1, max_size=4, unique=True))
    return draft(
        outcome=outcome(
            status=status,
            reason=None if status == "measured" else draw(lines),
            path=draw(st.sampled_from(["full", "fallback"])),
            compartments=() if status == "rejected" else tuple(draw(compartments(n)) for n in numbers),
            leftover=None if status == "rejected" else draw(fractions),
            latency_ms={**draw(st.dictionaries(words, st.floats(0, 1e5))), "total": draw(st.floats(0, 1e5))},
        ),
        captured_at=draw(st.datetimes(timezones=st.just(UTC))),
        clock=draw(st.sampled_from(["synced", "unsynced"])),
        meal=draw(st.none() | lines),
        models=draw(st.dictionaries(words, lines)),
    )


@given(drafts(), st.integers(1, 2**53))
def test_a_reading_survives_its_payload(one: Draft, sequence: int) -> None:
    reading = one.numbered(sequence)
    payload = reading.to_json()
    assert Reading.from_json(payload) == reading
    assert "\n" not in payload
    assert list(json.loads(payload)) == json.loads(json_schema())["required"]


def test_the_published_schema_is_up_to_date() -> None:
    assert PATH.read_text(encoding="utf-8") == json_schema(), "run python -m appliance.readings.schema"


def test_the_payload_is_what_the_contract_says() -> None:
    fields = json.loads(draft().numbered(7).to_json())
    assert fields | {"id": "", "compartments": []} == {
        "schema": "janban.reading/1",
        "id": "",
        "device": "line-1",
        "site": "north",
        "sequence": 7,
        "boot_id": str(ORIGIN.boot_id),
        "captured_at": "2026-03-02T03:04:05.678Z",
        "clock": "synced",
        "historical": False,
        "meal": None,
        "models": {},
        "status": "measured",
        "reason": None,
        "path": "fallback",
        "compartments": [],
        "leftover": 0.5,
        "latency_ms": {"locate": 12.0, "total": 40.0},
    }
    assert fields["compartments"][0] == {
        "id": 1,
        "outline": [[0.0, 0.0], [100.0, 0.0], [100.0, 80.0], [0.0, 80.0]],
        "leftover": 0.25,
        "uncertainty": 0.05,
        "confidence": 0.9,
        "contents": None,
        "estimates": {"back_projection": 0.25, "depth": None, "segmentation": None},
        "weights": {"back_projection": 1.0, "depth": 0.0, "segmentation": 0.0},
        "flags": [],
        "mixed_from": [],
    }


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -0.01, 1.01])
@pytest.mark.parametrize("field", ["leftover", "uncertainty", "confidence"])
def test_numbers_that_are_no_fraction_are_refused(field: str, number: float) -> None:
    with pytest.raises(ValidationError, match=field):
        compartment(**{field: number})


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"status": "rejected", "reason": "no tray"}, "no numbers"),
        ({"status": "rejected", "reason": "no tray", "compartments": ()}, "no numbers"),
        ({"status": "rejected", "compartments": (), "leftover": None}, "needs a reason"),
        ({"status": "degraded"}, "needs a reason"),
        ({"reason": "because"}, "needs no reason"),
        ({"leftover": None}, "needs its compartments"),
        ({"compartments": ()}, "needs its compartments"),
        ({"compartments": (compartment(), compartment())}, "ids repeat"),
        ({"latency_ms": {"locate": 1.0}}, "needs a total"),
        ({"latency_ms": {"total": float("inf")}}, "finite"),
        ({"status": "degraded", "reason": "two\nlines"}, "pattern"),
        ({"picture": "x.jpg"}, "not permitted"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        outcome(**changes)


def test_weights_add_up_and_belong_to_estimates() -> None:
    with pytest.raises(ValidationError, match=r"add up to 0\.9"):
        Weights(back_projection=0.9)
    with pytest.raises(ValidationError, match="depth has a weight but no estimate"):
        compartment(weights=Weights(back_projection=0.6, depth=0.4))


def test_times_become_utc_and_naive_ones_are_refused() -> None:
    seoul = datetime(2026, 3, 2, 12, 0, tzinfo=timezone(timedelta(hours=9)))
    assert (
        json.loads(draft(captured_at=seoul).numbered(1).to_json())["captured_at"]
        == "2026-03-02T03:00:00.000Z"
    )
    with pytest.raises(ValidationError, match="timezone"):
        draft(captured_at=datetime(2026, 3, 2)).numbered(1)  # noqa: DTZ001


@pytest.mark.parametrize("when", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"])
def test_a_time_before_or_after_all_of_utc_is_refused(when: str) -> None:
    fields = json.loads(draft().numbered(1).to_json())
    with pytest.raises(ValidationError, match="no year"):
        Reading.from_json(json.dumps({**fields, "captured_at": when}))


def test_an_id_is_of_version_7_and_new_for_every_draft() -> None:
    assert draft().id < draft().id
    with pytest.raises(ValidationError, match="version 7"):
        draft(id=uuid4()).numbered(1)


@pytest.mark.parametrize("name", ["", "a/b", "+", "#", "$SYS", "north wing", "x" * 49, "\u00e9cole"])
def test_names_are_one_level_of_a_topic(name: str) -> None:
    fields = json.loads(draft().numbered(1).to_json())
    with pytest.raises(ValidationError, match="site"):
        Reading.from_json(json.dumps({**fields, "site": name}))


def test_consumers_ignore_what_they_do_not_know_and_writers_do_not() -> None:
    reading = draft().numbered(1)
    fields = json.loads(reading.to_json())
    fields["weather"] = "rain"
    fields["compartments"][0]["smell"] = 1
    assert Reading.from_json(json.dumps(fields)) == reading
    with pytest.raises(ValidationError, match="weather"):
        Reading.model_validate(fields)


def test_a_measurement_carries_its_picture_and_becomes_a_reading() -> None:
    measurement = Measurement(image="a.jpg", **dict(rejected("blurred")))
    assert list(json.loads(measurement.model_dump_json())) == [
        *("image", "status", "reason", "path", "compartments", "leftover", "latency_ms", "models")
    ]
    assert draft(outcome=measurement).numbered(1).reason == "blurred"


def test_late_changes_nothing_else() -> None:
    reading = draft().numbered(1)
    assert json.loads(reading.late().to_json()) == json.loads(reading.to_json()) | {"historical": True}
