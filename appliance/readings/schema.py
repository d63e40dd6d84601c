"""The published JSON Schema of the reading: `python -m appliance.readings.schema` writes it."""

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from appliance.readings.model import Model
from appliance.readings.reading import SCHEMA_ID, Reading

PATH = Path(__file__).parents[2] / "docs" / "schema" / "janban.reading-1.schema.json"

_CLOSED = ("additionalProperties", False)


def json_schema() -> str:
    """Return the schema as text.

    It is meant for consumers: it allows unknown fields, because later versions may add some.
    """
    return published(Reading, SCHEMA_ID, without=(_CLOSED,))


def published(model: type[Model], schema_id: str, without: tuple[tuple[str, object], ...] = ()) -> str:
    """Return the JSON Schema of what `model` writes, named `schema_id`, without the given keywords."""
    schema = {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": f"urn:{schema_id.replace('/', ':')}",
        **model.model_json_schema(mode="serialization"),
    }
    return json.dumps(trimmed(schema, without), indent=2, ensure_ascii=False) + "\n"


def trimmed(node: Any, without: tuple[tuple[str, object], ...] = ()) -> Any:  # noqa: ANN401 - any JSON value
    """Drop the keywords `without`, and the titles, which only repeat the fields' names."""
    if isinstance(node, dict):
        return {
            key: trimmed(value, without)
            for key, value in node.items()
            if (key, value) not in without and not (key == "title" and isinstance(value, str))
        }
    if isinstance(node, list):
        return [trimmed(value, without) for value in node]
    return node


if __name__ == "__main__":
    PATH.parent.mkdir(parents=True, exist_ok=True)
    PATH.write_text(json_schema(), encoding="utf-8")
