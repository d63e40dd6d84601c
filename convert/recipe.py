"""Recipes: TOML files that say how trays are made and networks trained, so that both can be done again."""

import json
import tomllib
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from appliance.config_faults import describe
from convert.errors import ConvertError

_LISTED_FAULTS: Final = 3


class Part(BaseModel):
    """A recipe, or a section of one: nothing unknown in it, and nothing changed later."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


Recipe = TypeVar("Recipe", bound=Part)


def read_recipe(path: Path, kind: type[Recipe]) -> Recipe:
    """Read and validate a recipe; raises `ConvertError`, one line: the file, up to three wrong keys."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConvertError(f"{path}: does not exist; copy one of the folder training and edit it") from None
    except OSError as error:
        raise ConvertError(f"{path}: cannot be read ({error.strerror}); give a recipe in TOML") from None
    except (ValueError, RecursionError) as error:
        raise ConvertError(f"{path}: is not TOML that can be read ({error})") from None
    try:
        # Strict JSON takes no "8" and no true for a number.
        return kind.model_validate_json(json.dumps(tables, default=str), strict=True)
    except ValidationError as error:
        faults = _in_lists(error) or describe(error, kind)
    listed, more = faults[:_LISTED_FAULTS], len(faults) - _LISTED_FAULTS
    raise ConvertError(f"{path}: " + " | ".join(listed) + (f" | and {more} more" if more > 0 else ""))


def _in_lists(error: ValidationError) -> list[str]:
    """Word the faults of sections that may be there several times, as textures[0].folder."""
    return [
        "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"]).lstrip(".")
        + f": {detail['msg']}"
        for detail in error.errors(include_url=False)
        if len(detail["loc"]) > 1 and any(isinstance(part, int) for part in detail["loc"])
    ]
