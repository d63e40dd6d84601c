"""Food outlined in photographs: YOLO polygons as sources of textures."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from convert.errors import ConvertError

_RASTER = 200
_PICTURES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class Disc:
    """The largest disc within an outlined food, in its picture's pixels."""

    path: str
    food: str
    x: float
    y: float
    radius: float


def is_outlined(folder: Path) -> bool:
    """Return whether a folder holds pictures with YOLO outlines (`images`, `labels`, `data.yaml`)."""
    return (folder / "data.yaml").is_file() and (folder / "labels").is_dir() and (folder / "images").is_dir()


def find_discs(folder: Path, smallest_px: float) -> Iterator[Disc]:
    """Yield the foods of all pictures whose largest disc has at least this radius, in a fixed order.

    Raises `ConvertError` for labels or names that cannot be read.
    """
    names = _names(folder / "data.yaml")
    for path in sorted(p for p in (folder / "images").iterdir() if p.suffix.lower() in _PICTURES):
        labels = folder / "labels" / f"{path.stem}.txt"
        if not labels.is_file():
            continue
        with Image.open(path) as picture:
            size = picture.size
        for line in labels.read_text(encoding="utf-8").splitlines():
            disc = _disc(path, size, line, names)
            if disc is not None and disc.radius >= smallest_px:
                yield disc


def _names(path: Path) -> list[str]:
    """Return the classes' names; the file is YAML, of which only the one list is needed."""
    match = re.search(r"^names:\s*(\[.*?\])", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    try:
        return [str(name) for name in ast.literal_eval(match[1] if match else "")]
    except (SyntaxError, ValueError):
        raise ConvertError(f"{path}: has no line such as names: ['rice', 'fish']; add it") from None


def _disc(path: Path, size: tuple[int, int], line: str, names: list[str]) -> Disc | None:
    try:
        number, *places = line.split()
        food = names[int(number)]
        corners = np.array([float(place) for place in places]).reshape(-1, 2)
    except (ValueError, IndexError):
        raise ConvertError(f"{path}: its labels hold the line {line[:30]!r}; give YOLO outlines") from None
    if len(corners) < 3:
        return None
    mask = np.zeros((_RASTER + 2, _RASTER + 2), np.uint8)
    cv2.fillPoly(mask, [np.rint(corners * (_RASTER - 1) + 1).astype(np.int32)], 1)
    inside = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    row, column = np.unravel_index(int(inside.argmax()), inside.shape)
    # The raster is square and the picture need not be: the shorter side gives the radius that surely fits.
    radius = float(inside.max()) / _RASTER * min(size)
    return Disc(str(path), food, (column - 0.5) / _RASTER * size[0], (row - 0.5) / _RASTER * size[1], radius)
