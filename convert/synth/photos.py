"""Photographs as textures: food crops for surfaces, other pictures for counters."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from appliance.picture import load_picture
from convert.errors import ConvertError
from convert.synth.grid import Colours
from convert.synth.noise import Rng, linear_picture

_PICTURES = (".jpg", ".jpeg", ".png", ".webp")
_SMALLEST_PX = 90
_KIND_WORDS = {
    "rice": ("rice", "com"),
    "liquid": ("soup", "stew", "liquid", "broth", "canh"),
    "skip": ("nuoc", "drink", "plate", "tray"),
}
"""Words in a folder's name (between `_`, `-` or spaces) that tell what kind of dish its pictures show."""


@dataclass(frozen=True)
class Photo:
    """A photograph's file."""

    path: str


@dataclass(frozen=True)
class Photos:
    """Photographs of food by kind of dish (`rice`, `liquid`, `solid`), and of counters."""

    food: Mapping[str, Sequence[Photo]] = field(default_factory=dict)
    counters: Sequence[Photo] = ()

    def share(self, parts: int, *, last: bool) -> "Photos":
        """Return the photographs without every `parts`-th one, or these alone."""

        def kept(known: Sequence[Photo]) -> list[Photo]:
            return [photo for i, photo in enumerate(known) if (i % parts == parts - 1) == last]

        return Photos({kind: kept(known) for kind, known in self.food.items()}, kept(self.counters))


def find_photos(textures: Path | None, backgrounds: Path | None) -> Photos:
    """List the photographs below both folders, in a fixed order.

    A texture's kind is told by `kinds.json` in the folder (`{"subfolder": "rice|liquid|solid|skip"}`), else
    by words in its subfolder's name, else it is solid. Raises `ConvertError` for a folder without pictures.
    """
    food: dict[str, list[Photo]] = {"rice": [], "liquid": [], "solid": []}
    if textures is not None:
        listed = textures / "kinds.json"
        kinds = json.loads(listed.read_text(encoding="utf-8")) if listed.is_file() else {}
        for path in _pictures(textures):
            kind = _kind(path.parent.name, kinds)
            if kind in food:
                food[kind].append(Photo(str(path)))
    counters = [] if backgrounds is None else [Photo(str(path)) for path in _pictures(backgrounds)]
    return Photos(food, counters)


def _pictures(folder: Path) -> list[Path]:
    listed = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _PICTURES)
    found = [path for path in listed if _large_enough(path)]
    if not found:
        raise ConvertError(f"{folder}: no pictures below this folder; give one with .jpg or .png files")
    return found


def _large_enough(path: Path) -> bool:
    try:
        with Image.open(path) as picture:
            return min(picture.size) >= _SMALLEST_PX
    except OSError as error:
        raise ConvertError(f"{path}: cannot be read ({error}); remove it from the folder") from None


def _kind(name: str, kinds: Mapping[str, str]) -> str:
    if name in kinds:
        return kinds[name]
    words = name.lower().replace("-", "_").replace(" ", "_").split("_")
    return next((kind for kind, known in _KIND_WORDS.items() if set(words) & set(known)), "solid")


@lru_cache(maxsize=64)
def _load(path: str) -> Colours:
    return linear_picture(load_picture(Path(path))[:, :, ::-1])


def patch(rng: Rng, photo: Photo, shape: tuple[int, int]) -> Colours:
    """Return a random part of the photograph's middle, in linear colours, of `shape` (rows, columns).

    Turned and mirrored at random; its border, which may show a plate's edge, is left out.
    """
    picture = _load(photo.path)
    height, width = picture.shape[:2]
    side = min(height, width) * rng.uniform(0.5, 0.62)
    middle = np.array([width, height]) / 2 + rng.uniform(-0.04, 0.04, 2) * side
    scale = side / (max(shape) * rng.uniform(0.8, 1.05))
    angle = rng.uniform(0, 2 * np.pi)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turn = turn * (1 if rng.random() < 0.5 else -1) if rng.random() < 0.5 else turn
    offset = middle - turn @ (np.array(shape[::-1]) / 2)
    taken = cv2.warpAffine(
        picture,
        np.hstack([turn, offset[:, None]]),
        shape[::-1],
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return np.clip(taken, 0.003, 0.9).astype(np.float32)


def whole(photo: Photo) -> Colours:
    """Return the photograph in linear colours."""
    return _load(photo.path)
