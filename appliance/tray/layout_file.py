"""`layout.toml`: a tray type as a file that a person can read and correct."""

from pathlib import Path
from typing import Annotated, Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from appliance.errors import CalibrationError
from appliance.files import read_whole
from appliance.toml_text import parse_toml
from appliance.tray.layout import Compartment, Layout, Points

LARGEST_FILE_BYTES = 1_000_000

_HEADER = """\
# The tray and its compartments, as found in the empty reference picture.
# Lengths in millimetres: origin at the top left corner of the tray as it lies in reference-empty.png,
# x to the right, y down. You may correct anything here: names (shown with the readings), outlines and depths.
# An outline is a closed polygon, one [x, y] pair per corner.
"""

_Millimetres = Annotated[float, Field(ge=-50, le=2000, allow_inf_nan=False)]
_Outline = Annotated[list[tuple[_Millimetres, _Millimetres]], Field(min_length=3, max_length=400)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Compartment(_Strict):
    id: Annotated[int, Field(ge=1, le=99)]
    name: Annotated[str, Field(min_length=1, max_length=60)]
    depth_mm: Annotated[float, Field(gt=0, le=150, allow_inf_nan=False)]
    outline_mm: _Outline
    floor_mm: _Outline


class _File(_Strict):
    version: Literal[1]
    tray_mm: tuple[
        Annotated[float, Field(ge=50, le=1000, allow_inf_nan=False)],
        Annotated[float, Field(ge=50, le=1000, allow_inf_nan=False)],
    ]
    corner_radius_mm: Annotated[float, Field(ge=0, le=500, allow_inf_nan=False)]
    compartment: Annotated[list[_Compartment], Field(min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _consistent(self) -> "_File":
        ids = [c.id for c in self.compartment]
        if len(set(ids)) < len(ids):
            raise ValueError("two compartments have the same id")
        for c in self.compartment:
            for name, outline in (("outline_mm", c.outline_mm), ("floor_mm", c.floor_mm)):
                points = np.array(outline)
                if (points.min(axis=0) < -5).any() or (points.max(axis=0) > np.array(self.tray_mm) + 5).any():
                    raise ValueError(f"{name} of compartment {c.id} lies outside the tray")
                if _area(points) < 25:
                    raise ValueError(f"{name} of compartment {c.id} encloses next to nothing")
            if _area(np.array(c.floor_mm)) > _area(np.array(c.outline_mm)):
                raise ValueError(f"floor_mm of compartment {c.id} is larger than its outline_mm")
            middle = np.mean(c.floor_mm, axis=0)
            rim = np.array(c.outline_mm, np.float32)
            if cv2.pointPolygonTest(rim, (float(middle[0]), float(middle[1])), measureDist=False) < 0:
                raise ValueError(f"floor_mm of compartment {c.id} lies outside its outline_mm")
        return self


def write_layout(layout: Layout) -> str:
    """Return the text of `layout.toml`, outlines rounded to 0.01 mm."""
    lines = [
        _HEADER,
        "version = 1",
        f"tray_mm = {_pair(layout.tray_mm)}  # width, height",
        f"corner_radius_mm = {layout.corner_radius_mm:.2f}",
    ]
    for c in layout.compartments:
        lines += [
            "",
            "[[compartment]]",
            f"id = {c.id}",
            f"name = {_quoted(c.name)}",
            f"depth_mm = {c.depth_mm:.2f}  # how far the floor lies below the flat between the wells",
            "# where the well begins, at the level of the flat",
            f"outline_mm = {_polygon(c.outline_mm)}",
            "# the flat floor",
            f"floor_mm = {_polygon(c.floor_mm)}",
        ]
    return "\n".join(lines) + "\n"


def read_layout(text: str, source: str = "layout.toml") -> Layout:
    """Parse and check the text of a layout file.

    Raises `CalibrationError`, one line with `source` and the offending key.
    """
    try:
        data = parse_toml(text)
    except ValueError as error:
        raise CalibrationError(f"{source}: not valid TOML ({error}); correct it or calibrate again") from None
    try:
        found = _File.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part + 1) if isinstance(part, int) else part for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        where = f"{key}: " if key else ""
        raise CalibrationError(f"{source}: {where}{reason}; correct it or calibrate again") from None
    return Layout(
        tray_mm=found.tray_mm,
        corner_radius_mm=found.corner_radius_mm,
        compartments=tuple(
            Compartment(c.id, c.name, np.array(c.outline_mm), np.array(c.floor_mm), c.depth_mm)
            for c in found.compartment
        ),
    )


def load_layout(path: Path) -> Layout:
    """Read a layout file; raises `CalibrationError` where it is missing, unreadable or wrong."""
    try:
        text = read_whole(path, LARGEST_FILE_BYTES).decode()
    except FileNotFoundError:
        raise CalibrationError(f"{path}: missing; calibrate again") from None
    except OSError as error:
        raise CalibrationError(f"{path}: cannot be read ({error.strerror}); calibrate again") from None
    except UnicodeDecodeError:
        raise CalibrationError(f"{path}: not UTF-8 text; correct it or calibrate again") from None
    return read_layout(text, str(path))


def _area(points: Points) -> float:
    x, y = points.T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def _pair(point: tuple[float, float]) -> str:
    return f"[{point[0]:.2f}, {point[1]:.2f}]"


def _polygon(points: Points) -> str:
    pairs = [_pair((float(x), float(y))) for x, y in points]
    rows = [", ".join(pairs[i : i + 6]) for i in range(0, len(pairs), 6)]
    return "[\n  " + ",\n  ".join(rows) + ",\n]"


def _quoted(text: str) -> str:
    """Return a TOML basic string (TOML 1.0, section String)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}" for c in escaped) + '"'
