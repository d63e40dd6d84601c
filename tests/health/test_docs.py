"""The page on health names every field and every metric, and none that there is not."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from appliance.health.metrics import metrics
from appliance.health.schema import json_schema
from tests.health.examples import health

PAGE = (Path(__file__).parents[2] / "docs" / "health.md").read_text(encoding="utf-8")
ENTRIES = {"rss_mb", "threads", "descriptors"}
"""Of a process; told once for all processes."""


def paths(schema: dict[str, Any], node: dict[str, Any], before: str = "") -> Iterator[str]:
    for name, field in node["properties"].items():
        parts = [field, *field.get("anyOf", [])]
        [*inner] = [part["$ref"].rpartition("/")[2] for part in parts if "$ref" in part]
        if inner and inner != ["ProcessHealth"]:
            yield from paths(schema, schema["$defs"][inner[0]], f"{before}{name}.")
        else:
            yield before + name


def test_every_field_is_explained() -> None:
    schema = json.loads(json_schema())
    missing = [path for path in paths(schema, schema) if f"`{path}`" not in PAGE]
    assert missing == []
    assert all(f"`{entry}`" in PAGE for entry in ENTRIES)


def test_every_metric_is_listed_and_no_other() -> None:
    there = {metric.name for metric in metrics(health())}
    assert set(re.findall(r"`(janban_\w+)`", PAGE)) == there
    rules = PAGE.split("```yaml")[1].split("```")[0]
    assert set(re.findall(r"janban_\w+", rules)) <= there
