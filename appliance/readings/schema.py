"""The published JSON Schema of the reading: `python -m appliance.readings.schema` writes it."""

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from appliance.readings.reading import SCHEMA_ID, Reading

PATH = Path(__file__).parents[2] / "docs" / "schema" / "janban.reading-1.schema.json"


def json_schema() -> str:
    """Return the schema as text.

    It is meant for consumers: it allows unknown fields, because later versions may add some.
    """
    schema = {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": f"urn:{SCHEMA_ID.replace('/', ':')}",
        **Reading.model_json_schema(mode="serialization"),
    }
    return json.dumps(_for_consumers(schema), indent=2, ensure_ascii=False) + "\n"


def _for_consumers(node: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Drop `additionalProperties: false`, and the titles, which only repeat the fields' names."""
    if isinstance(node, dict):
        return {key: _for_consumers(value) for key, value in node.items() if not _dropped(key, value)}
    if isinstance(node, list):
        return [_for_consumers(value) for value in node]
    return node


def _dropped(key: str, value: object) -> bool:
    return (key, value) == ("additionalProperties", False) or (key == "title" and isinstance(value, str))


if __name__ == "__main__":
    PATH.parent.mkdir(parents=True, exist_ok=True)
    PATH.write_text(json_schema(), encoding="utf-8")
