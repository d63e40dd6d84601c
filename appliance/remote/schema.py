"""The published JSON Schemas of commands and results: `python -m appliance.remote.schema` writes them."""

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from appliance.readings.model import Model
from appliance.readings.schema import published, trimmed
from appliance.remote.request import ARGUMENTS, COMMAND_SCHEMA, RESULT_SCHEMA, Envelope, Request, Result

_FOLDER = Path(__file__).parents[2] / "docs" / "schema"
COMMAND_PATH = _FOLDER / "janban.command-1.schema.json"
RESULT_PATH = _FOLDER / "janban.command-result-1.schema.json"


def command_schema() -> str:
    """Return the schema of what goes to a box: the envelope, with the request and its arguments inside."""
    schema = {**_definition(Envelope), "$id": f"urn:{COMMAND_SCHEMA.replace('/', ':')}"}
    request = _definition(Request)
    request["allOf"] = [
        {
            "if": {"properties": {"command": {"const": command}}},
            "then": {"properties": {"args": {"$ref": f"#/$defs/{command}"}}},
        }
        for command in ARGUMENTS
    ]
    schema["properties"]["request"] |= {
        "contentMediaType": "application/json",
        "contentSchema": {"$ref": "#/$defs/Request"},
    }
    arguments = {command: _definition(model) for command, model in ARGUMENTS.items()}
    schema["$defs"] = {**request.pop("$defs"), "Request": request, **arguments}
    return json.dumps({"$schema": GenerateJsonSchema.schema_dialect, **schema}, indent=2) + "\n"


def _definition(model: type[Model]) -> dict[str, Any]:
    """Return the schema of what `model` reads, by which what has a default may be left out."""
    schema: dict[str, Any] = trimmed(model.model_json_schema(mode="validation"))
    return schema


def result_schema() -> str:
    """Return the schema of what a box answers; it allows unknown fields, as later versions may add some."""
    return published(Result, RESULT_SCHEMA, without=(("additionalProperties", False),))


if __name__ == "__main__":
    COMMAND_PATH.write_text(command_schema(), encoding="utf-8")
    RESULT_PATH.write_text(result_schema(), encoding="utf-8")
