"""The published JSON Schema of the manifest: `python -m appliance.inference.schema` writes it."""

from pathlib import Path

from appliance.inference.manifest import SCHEMA_ID, Manifest
from appliance.readings.schema import published

PATH = Path(__file__).parents[2] / "docs" / "schema" / "janban.models-1.schema.json"


def json_schema() -> str:
    """Return the schema as text; it allows no unknown fields, as the device does not."""
    return published(Manifest, SCHEMA_ID)


if __name__ == "__main__":
    PATH.parent.mkdir(parents=True, exist_ok=True)
    PATH.write_text(json_schema(), encoding="utf-8")
