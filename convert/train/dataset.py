"""Training data: which pictures, in which order, as tensors; a pure function of seed and step."""

import json
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from torch import Tensor

from convert.errors import ConvertError
from convert.networks.spec import NetworkSpec
from convert.synth.samples import PARTS, Part, Sample, find_samples, part_of
from convert.synth.setup import MEMBERS
from convert.train.augment import photographed, placed
from convert.train.rectify import Views

_AHEAD: Final = 3
"""Batches made while the network computes."""

_FEWEST: Final = next(n for n in count() if part_of(n) == "validation") * MEMBERS + 1
"""Pictures that reach into the first set-up to validate on."""


@dataclass(frozen=True)
class Example:
    """A picture, and the words that tell its data from any other."""

    sample: Sample
    origin: str


@dataclass(frozen=True, eq=False)
class Batch:
    """Normalised pictures (N, 3, H, W) float32 and their truth.

    `classes` (N, H, W) int64, `UNSEEN` where the picture does not reach; `surface_mm` (N, H, W) float32 above
    the deck; `quantity` (N,) int64.
    """

    images: Tensor
    classes: Tensor
    surface_mm: Tensor
    quantity: Tensor


@dataclass(frozen=True)
class Data:
    """Pictures to train on, those of other set-ups to validate on, what the folders hold, the views."""

    training: tuple[Example, ...]
    validation: tuple[Example, ...]
    origins: tuple[str, ...]
    views: Views


def find_data(folders: Sequence[Path], views: Views) -> Data:
    """Return the finished pictures below folders of `convert synth`, in order, but for those to test on.

    Raises `ConvertError` where a folder is none of these, or none of its pictures are for one of the uses.
    """
    found: list[Example] = []
    origins: list[str] = []
    for folder in folders:
        if not folder.is_dir():
            raise ConvertError(f"{folder}: no such folder; give one that convert synth made")
        origin = _origin(folder)
        samples = find_samples(folder)
        if not samples:
            raise ConvertError(f"{folder}: holds no finished pictures; make some with convert synth")
        origins.append(origin)
        found += (Example(sample, origin) for sample in samples)
    parts: dict[Part, list[Example]] = {part: [] for part in PARTS}
    for example in found:
        parts[example.sample.part].append(example)
    where = ", ".join(str(folder) for folder in folders)
    if not parts["training"]:
        raise ConvertError(f"{where}: all pictures are held out for evaluation; make more with convert synth")
    if not parts["validation"]:
        raise ConvertError(
            f"{where}: no set-up is for validation, so nothing tells how good the training is; "
            f"make at least {_FEWEST} pictures with convert synth"
        )
    return Data(tuple(parts["training"]), tuple(parts["validation"]), tuple(origins), views)


class Stream:
    """Endless shuffled, augmented batches: batch number `step` is the same whenever it is asked for.

    With `pairs`, each picture is followed by another of its set-up, the empty tray half of the time, mirrored
    and turned alike; `size` is then even.
    """

    def __init__(self, data: Data, spec: NetworkSpec, size: int, seed: int, *, pairs: bool = False) -> None:
        self._data = data
        self._spec = spec
        self._size = size
        self._seed = seed
        self._alike = _by_set_up(data.training) if pairs else None

    def batch(self, step: int) -> Batch:
        """Return the batch of a step, counted from 0."""
        examples = self._data.training
        total = len(examples)
        drawn = self._size // 2 if self._alike else self._size
        places = range(step * drawn, (step + 1) * drawn)
        orders = {
            epoch: np.random.default_rng((self._seed, 1, epoch)).permutation(total)
            for epoch in {place // total for place in places}
        }
        chosen = [examples[int(orders[place // total][place % total])] for place in places]
        rngs = [np.random.default_rng((self._seed, 2, place)) for place in places]
        if self._alike is None:
            return collate(chosen, self._data.views, self._spec, rngs)
        both, ways = [], []
        for example, place in zip(chosen, places, strict=True):
            both += [example, _partner(example, self._alike, np.random.default_rng((self._seed, 3, place)))]
            ways += [np.random.default_rng((self._seed, 4, place)) for _ in range(2)]
        others = [np.random.default_rng((self._seed, 5, place)) for place in places]
        jitter = [rng for pair in zip(rngs, others, strict=True) for rng in pair]
        return collate(both, self._data.views, self._spec, jitter, ways)


def collate(
    examples: Sequence[Example],
    views: Views,
    spec: NetworkSpec,
    rngs: Sequence[np.random.Generator | None],
    ways: Sequence[np.random.Generator] | None = None,
) -> Batch:
    """Return pictures as one batch; those with a generator are augmented, turned by `ways` if given."""
    side = spec.height
    pictures, classes, surfaces, quantities = [], [], [], []
    turned: Sequence[np.random.Generator | None] = ways or [None] * len(examples)
    for example, rng, way in zip(examples, rngs, turned, strict=True):
        view = views.get(example.sample, example.origin)
        picture, kinds, surface = placed(view, side, rng, way)
        pictures.append(picture if rng is None else photographed(picture, rng))
        classes.append(kinds)
        surfaces.append(surface)
        quantities.append(view.quantity)
    scaled = np.stack(pictures).astype(np.float32) / 255
    normalised = (scaled - np.array(spec.mean, np.float32)) / np.array(spec.std, np.float32)
    return Batch(
        torch.from_numpy(np.ascontiguousarray(normalised.transpose(0, 3, 1, 2), np.float32)),
        torch.from_numpy(np.stack(classes).astype(np.int64)),
        torch.from_numpy(np.stack(surfaces)),
        torch.tensor(quantities, dtype=torch.int64),
    )


SetUp = tuple[str, int]


def _by_set_up(examples: Sequence[Example]) -> dict[SetUp, list[Example]]:
    alike: dict[SetUp, list[Example]] = {}
    for example in examples:
        alike.setdefault((example.origin, example.sample.set_up), []).append(example)
    return alike


def _partner(example: Example, alike: Mapping[SetUp, Sequence[Example]], rng: np.random.Generator) -> Example:
    """Return another picture of the set-up, the first half of the time: that is the empty tray's."""
    others = [one for one in alike[example.origin, example.sample.set_up] if one != example]
    if not others:
        return example
    return others[0] if rng.random() < 0.5 else others[int(rng.integers(len(others)))]


def validation_batches(data: Data, spec: NetworkSpec, size: int, limit: int) -> Iterator[Batch]:
    """Yield at most `limit` pictures to validate on, evenly taken, unchanged, in batches of `size`."""
    examples = data.validation
    wanted = min(limit, len(examples))
    chosen = [examples[index * len(examples) // wanted] for index in range(wanted)]
    for first in range(0, wanted, size):
        part = chosen[first : first + size]
        yield collate(part, data.views, spec, [None] * len(part))


def ahead(make: Callable[[int], Batch], steps: Iterable[int]) -> Generator[Batch, None, None]:
    """Yield the batches of `steps` in order, made by one thread while the caller computes."""
    # OpenCV's threads would take the cores from the network.
    cv2.setNumThreads(1)
    waiting: deque[Future[Batch]] = deque()
    with ThreadPoolExecutor(1) as pool:
        try:
            for step in steps:
                waiting.append(pool.submit(make, step))
                if len(waiting) > _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _origin(folder: Path) -> str:
    """Return what tells a folder's pictures from others', wherever it lies."""
    marker = folder / "data.json"
    try:
        told = json.loads(marker.read_text(encoding="utf-8"))
        width, height = told["size"]
        return (
            f"format {told['format']}, seed {told['seed']}, {width}x{height}, {told['photos'] or 'no photos'}"
        )
    except (OSError, ValueError, KeyError, TypeError):
        raise ConvertError(
            f"{folder}: its data.json is absent or damaged; give a folder of convert synth"
        ) from None
