"""The small payloads beside the reading."""

import json
from collections.abc import Mapping
from typing import Literal
from uuid import UUID


def status(state: Literal["online", "offline"], boot_id: UUID) -> str:
    """Return the birth (`online`), or the will and farewell (`offline`), of the boot it speaks for."""
    return to_json({"schema": "janban.status/1", "status": state, "boot_id": str(boot_id)})


def to_json(fields: Mapping[str, object]) -> str:
    """Return compact JSON; raises `ValueError` for NaN and infinity, `TypeError` for what JSON lacks."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
