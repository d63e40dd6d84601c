"""The small payloads beside the reading."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID


@dataclass(frozen=True)
class Condition:
    """How well an online box works: "ok", "degraded" or "unable", and a line for each reason why not well."""

    state: str
    reasons: tuple[str, ...] = ()


def status(state: Literal["online", "offline"], boot_id: UUID, condition: Condition | None = None) -> str:
    """Return the birth (`online`), or the will and farewell (`offline`), of the boot it speaks for.

    An online box says its condition, too, as soon as it knows it.
    """
    fields: dict[str, object] = {"schema": "janban.status/1", "status": state, "boot_id": str(boot_id)}
    if condition is not None:
        fields |= {"state": condition.state, "reasons": list(condition.reasons)}
    return to_json(fields)


def to_json(fields: Mapping[str, object]) -> str:
    """Return compact JSON; raises `ValueError` for NaN and infinity, `TypeError` for what JSON lacks."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
