"""Pictures as a network takes them, for calibration and comparison: from files, or from the simulator.

The device feeds its rectified top view of the tray, squeezed to the network's size with nothing cut off and
nothing added. Pictures are treated the same here: the whole of each, whatever its aspect ratio; of a folder
of `convert synth`, whose pictures show more than the tray, the rectified trays.
"""

import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from appliance.errors import PictureError
from appliance.inference.encode import normalise
from appliance.inference.squeeze import squeeze
from appliance.picture import Picture, load_picture
from convert.errors import ConvertError
from convert.networks.spec import NetworkSpec
from convert.networks.stage import Array
from convert.simulated_trays import simulated_trays
from convert.synth.samples import Part, Sample, find_samples
from convert.train.augment import placed
from convert.train.rectify import rectify

_LOG = logging.getLogger(__name__)

_ENDINGS: Final = frozenset((".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"))

_MAP: Final = re.compile(
    r"(^|[_.-])(class|comp|compartment|tray|height|depth|mask|label|segmentation)(e?s)?(_amodal)?\.(png|tiff?)$",
    re.IGNORECASE,
)
"""Ends the name of a ground truth map, as synthetic trays have them beside pictures; maps are lossless."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """Network inputs, float32 (N, H, W, 3), normalised, with a name for each and their origin for people."""

    names: tuple[str, ...]
    images: Array
    origin: str


def pictures_for(
    path: Path | Sequence[Path] | None, spec: NetworkSpec, limit: int, seed: int, part: Part = "validation"
) -> Pictures:
    """Return up to `limit` pictures of a folder or files, chosen by `seed`; without `path`, simulated trays.

    Of a folder of `convert synth`, the rectified trays of the set-ups that are for `part`. Raises
    `ConvertError` where no picture is left.
    """
    if path is None:
        images = simulated_inputs(spec, limit, seed)
        names = tuple(f"simulated {number}" for number in range(1, len(images) + 1))
        return Pictures(names, images, f"simulated trays, seed {seed}")
    if isinstance(path, Path) and (samples := find_samples(path)):
        names, images = _rectified(samples, part, spec, limit=limit, seed=seed)
        return Pictures(names, images, f"rectified trays of {path.name}, for {part}")
    names, images = load_named_inputs(path, spec, limit=limit, seed=seed)
    paths = [path] if isinstance(path, Path) else path
    more = ", …" if len(paths) > 3 else ""
    return Pictures(names, images, f"from {', '.join(one.name for one in paths[:3])}{more}")


def network_input(picture: Picture, spec: NetworkSpec) -> Array:
    """Return a picture (any H, W, 3; blue, green, red) as `spec` takes it: (H, W, 3) float32, normalised."""
    return normalise(squeeze(picture, spec.height, spec.width), spec.mean, spec.std)


def load_inputs(
    path: Path | Sequence[Path], spec: NetworkSpec, *, limit: int | None = None, seed: int = 0
) -> Array:
    """Return the pictures of a folder and its subfolders, or of files: float32 (N, H, W, 3), normalised.

    Ordered by name. Of more than `limit`, a random choice by `seed`. Ground truth maps and hidden files are
    passed over, damaged pictures too, with one warning. Raises `ConvertError` where no picture is left.
    """
    return load_named_inputs(path, spec, limit=limit, seed=seed)[1]


def load_named_inputs(
    path: Path | Sequence[Path], spec: NetworkSpec, *, limit: int | None = None, seed: int = 0
) -> tuple[tuple[str, ...], Array]:
    """Return what `load_inputs` does, with a name for each: its path below the folder, or the file's name."""
    files = _files(path)
    where = path if isinstance(path, Path) else path[0].parent
    order = np.random.default_rng(seed).permutation(len(files))
    wanted = len(files) if limit is None else limit
    found: dict[int, Array] = {}
    faults: list[str] = []
    for index in (int(number) for number in order):
        if len(found) >= wanted:
            break
        try:
            found[index] = network_input(load_picture(files[index]), spec)
        except PictureError as error:
            faults.append(str(error))
    if not found:
        raise ConvertError(f"{where}: none of {len(faults)} pictures can be used: {faults[0]}")
    if faults:
        _LOG.warning("%s: %d pictures passed over, as %s", where, len(faults), faults[0])
    chosen = sorted(found)
    names = tuple(
        files[index].relative_to(path).as_posix()
        if isinstance(path, Path) and path.is_dir()
        else files[index].name
        for index in chosen
    )
    return names, np.stack([found[index] for index in chosen])


def simulated_inputs(spec: NetworkSpec, count: int, seed: int = 0) -> Array:
    """Return simulated trays seen from above: float32 (count, H, W, 3), normalised; see `simulated_trays`."""
    views = simulated_trays(spec.width, spec.height, count, seed)
    return np.stack([network_input(view, spec) for view in views])


def _rectified(
    samples: Sequence[Sample], part: Part, spec: NetworkSpec, *, limit: int, seed: int
) -> tuple[tuple[str, ...], Array]:
    there = [sample for sample in samples if sample.part == part]
    if not there:
        folder = samples[0].folder.parent.parent
        raise ConvertError(f"{folder}: no set-up in it is for {part}; make more with convert synth")
    chosen = sorted(np.random.default_rng(seed).permutation(len(there))[:limit].tolist())
    side = max(spec.width, spec.height)
    views = [placed(rectify(there[index]), side, None)[0] for index in chosen]
    names = tuple("/".join(there[index].folder.parts[-2:]) for index in chosen)
    return names, np.stack([network_input(view[:, :, ::-1], spec) for view in views])


def _files(path: Path | Sequence[Path]) -> list[Path]:
    if not isinstance(path, Path):
        if not path:
            raise ConvertError("no pictures were named; give a folder or files")
        return [file for one in path for file in _files(one)]
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise ConvertError(f"{path}: no such folder or picture; check the name")
    found: list[Path] = []
    try:
        for folder, folders, names in os.walk(path, onerror=_refuse):
            folders[:] = (name for name in folders if not name.startswith("."))
            found += (Path(folder, name) for name in names if _is_picture(name))
    except OSError as error:
        raise ConvertError(f"{error.filename}: cannot be read ({error.strerror}); check its rights") from None
    if not found:
        raise ConvertError(f"{path}: no pictures in it; give a folder with .jpg or .png pictures")
    return sorted(found, key=lambda file: file.relative_to(path).parts)


def _is_picture(name: str) -> bool:
    return Path(name).suffix.lower() in _ENDINGS and not name.startswith(".") and _MAP.search(name) is None


def _refuse(error: OSError) -> None:
    raise error
