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
from convert.synth.cutouts import find_discs, is_outlined
from convert.synth.grid import Colours
from convert.synth.noise import Rng, linear_picture

_PICTURES = (".jpg", ".jpeg", ".png", ".webp")
_SMALLEST_PX = 90
_KIND_WORDS = {
    "rice": ("rice", "com"),
    "liquid": ("soup", "stew", "liquid", "broth", "canh"),
    "skip": ("nuoc", "drink", "plate", "tray", "bones"),
}
"""Words in a dish's name (between `_`, `-` or spaces) that tell what kind of dish its pictures show."""


@dataclass(frozen=True)
class Photo:
    """A photograph's file, and what of it shows the food: a disc (x, y, radius in pixels), or its middle."""

    path: str
    disc: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Photos:
    """Photographs of food by kind of dish (`rice`, `liquid`, `solid`), and of counters."""

    food: Mapping[str, Sequence[Photo]] = field(default_factory=dict)
    counters: Sequence[Photo] = ()

    def share(self, parts: int, *, last: bool) -> "Photos":
        """Return the photographs without every `parts`-th file, or these alone."""
        paths = {photo.path for known in (*self.food.values(), self.counters) for photo in known}
        apart = set(sorted(paths)[parts - 1 :: parts])

        def kept(known: Sequence[Photo]) -> list[Photo]:
            return [photo for photo in known if (photo.path in apart) == last]

        return Photos({kind: kept(known) for kind, known in self.food.items()}, kept(self.counters))


def find_photos(textures: Sequence[Path], backgrounds: Sequence[Path]) -> Photos:
    """List the photographs below the folders, in a fixed order.

    A texture folder holds a subfolder for each dish, or YOLO outlines of food (`images`, `labels`,
    `data.yaml`). What kind a dish is, is told by `kinds.json` in the folder
    (`{"dish": "rice|liquid|solid|skip"}`), else by words in the dish's name, else it is solid.
    Raises `ConvertError` for a folder without pictures.
    """
    food: dict[str, list[Photo]] = {"rice": [], "liquid": [], "solid": []}
    for folder in textures:
        kinds = _kinds(folder / "kinds.json")
        for name, photo in _foods(folder):
            food.get(_kind(name, kinds), []).append(photo)
    return Photos(food, [Photo(str(path)) for folder in backgrounds for path in _pictures(folder)])


def _foods(folder: Path) -> list[tuple[str, Photo]]:
    """Return the photographs of a folder with their dishes' names."""
    if is_outlined(folder):
        discs = find_discs(folder, _SMALLEST_PX / 2.5)
        return [(disc.food, Photo(disc.path, (disc.x, disc.y, disc.radius))) for disc in discs]
    return [(path.parent.name, Photo(str(path))) for path in _pictures(folder)]


def _kinds(path: Path) -> Mapping[str, str]:
    try:
        listed = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return {str(name): str(kind) for name, kind in listed.items()}
    except (ValueError, AttributeError):
        raise ConvertError(f'{path}: not of the form {{"dish": "rice"}}; correct or remove it') from None


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
    # Public pictures with outlines are often augmented with black and white specks.
    picture = np.asarray(cv2.medianBlur(load_picture(Path(path)), 3), np.uint8)
    return linear_picture(picture[:, :, ::-1])


def patch(rng: Rng, photo: Photo, shape: tuple[int, int]) -> Colours:
    """Return a random part of the photograph's food, in linear colours, of `shape` (rows, columns).

    Turned and mirrored at random; a picture's border, which may show a plate's edge, is left out.
    """
    picture = _load(photo.path)
    height, width = picture.shape[:2]
    x, y, radius = photo.disc or (width / 2, height / 2, 0.42 * min(height, width))
    side = radius * rng.uniform(1.2, 1.45)
    middle = np.array([x, y]) + rng.uniform(-0.04, 0.04, 2) * side
    scale = side / (max(shape) * rng.uniform(0.8, 1.05))
    angle = rng.uniform(0, 2 * np.pi)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turn[:, 0] *= rng.choice([-1, 1])
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
