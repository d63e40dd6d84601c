"""The published JSON Schema of the health message: `python -m appliance.health.schema` writes it."""

from pathlib import Path

from appliance.health.message import SCHEMA_ID, Health
from appliance.readings.schema import published

PATH = Path(__file__).parents[2] / "docs" / "schema" / "janban.health-1.schema.json"


def json_schema() -> str:
    """Return the schema as text; it allows unknown fields, because later versions may add some."""
    return published(Health, SCHEMA_ID, without=(("additionalProperties", False),))


if __name__ == "__main__":
    PATH.parent.mkdir(parents=True, exist_ok=True)
    PATH.write_text(json_schema(), encoding="utf-8")
