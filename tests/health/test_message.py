import json
from collections.abc import Iterator
from typing import Any

from appliance.health.schema import PATH, json_schema
from tests.health.examples import health, unknown

BEFORE = {
    "schema",
    "degraded",
    "trays_since_start",
    "paths_since_start",
    "networks",
    "uptime_s",
    "software",
    "clock",
    "temperature_c",
    "throttling",
    "disk_free_mb",
    "edgetpus",
}
"""What the message had before it had a schema; consumers rely on it."""


def fields_of(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from schema["properties"].items()
    for part in schema["$defs"].values():
        yield from part["properties"].items()


def test_the_published_schema_is_up_to_date() -> None:
    assert PATH.read_text(encoding="utf-8") == json_schema(), "run python -m appliance.health.schema"


def test_every_field_is_described() -> None:
    bare = [
        name
        for name, field in fields_of(json.loads(json_schema()))
        if "description" not in field and "const" not in field
    ]
    assert bare == []


def test_figures_have_their_unit_in_the_name_and_in_the_description() -> None:
    units = {"_s": "econds", "_mb": "MB", "_ms": "ms", "_c": "°C"}
    for name, field in fields_of(json.loads(json_schema())):
        for ending, unit in units.items():
            if name.endswith(ending):
                assert unit in field["description"], name


def test_what_was_there_before_still_is() -> None:
    payload = json.loads(health().to_json())
    assert set(payload) >= BEFORE
    assert payload["schema"] == "janban.health/1"
    assert set(payload) == set(json.loads(json_schema())["properties"])


def test_a_later_field_does_not_break_a_consumer() -> None:
    assert 'additionalProperties": false' not in json_schema()


def test_it_survives_its_own_wire() -> None:
    for message in (health(), unknown()):
        assert type(message).model_validate_json(message.to_json()) == message
    assert json.loads(health().to_json())["at"] == "2026-03-02T03:04:05.678Z"
