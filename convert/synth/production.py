"""Making many pictures: in order or in parallel, resumed where an earlier run stopped."""

import hashlib
import json
import multiprocessing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from convert.errors import ConvertError
from convert.networks.spec import TRAY_CLASSES
from convert.synth.photos import Photos
from convert.synth.readme import README
from convert.synth.samples import clear_unfinished, find_samples, save
from convert.synth.setup import MEMBERS
from convert.synth.shot import FORMAT, Order, Studio, name

_PREVIEWED = 40
_INKS = ("#202020", "#9a9a9a", "#e0a0d0", "#ffffff", "#3c78ff", "#c86e1e", "#ff00ff")


@dataclass(frozen=True)
class Job:
    """The pictures of one set-up that are still to be made."""

    order: Order
    out: Path
    indices: tuple[int, ...]


def produce(order: Order, count: int, out: Path, workers: int) -> int:
    """Make pictures 0 to `count` - 1 of the order in `out`, and return how many were new.

    Raises `ConvertError` if the folder holds pictures of another order or cannot be written.
    """
    _claim(order, out)
    clear_unfinished(out)
    jobs = [Job(order, out, tuple(missing)) for missing in _missing(count, out)]
    total = sum(len(job.indices) for job in jobs)
    with tqdm(total=count, initial=count - total, unit="picture", desc="synth") as bar:
        for made in _run(jobs, workers):
            bar.update(made)
    return total


def _run(jobs: list[Job], workers: int) -> Iterator[int]:
    if workers < 2:
        for job in jobs:
            yield from _make(job)
        return
    with multiprocessing.get_context("spawn").Pool(min(workers, len(jobs) or 1)) as pool:
        yield from pool.imap_unordered(_make_all, jobs)


def _make_all(job: Job) -> int:
    return sum(_make(job))


def _make(job: Job) -> Iterable[int]:
    # Arrays here are small: threads would cost more than they give, and workers would fight for the cores.
    cv2.setNumThreads(1)
    studio = Studio(job.order)
    for index in job.indices:
        save(studio.take(index), job.out / name(index))
        yield 1


def _missing(count: int, out: Path) -> Iterator[list[int]]:
    for first in range(0, count, MEMBERS):
        wanted = range(first, min(first + MEMBERS, count))
        missing = [index for index in wanted if not (out / name(index)).exists()]
        if missing:
            yield missing


def _claim(order: Order, out: Path) -> None:
    """Write what the folder holds, or check that it holds the same."""
    described = {
        "format": FORMAT,
        "seed": order.seed,
        "size": list(order.size),
        "members": MEMBERS,
        "classes": list(TRAY_CLASSES),
        "photos": _digest(order.photos),
    }
    marker = out / "data.json"
    try:
        out.mkdir(parents=True, exist_ok=True)
        if not marker.exists():
            (out / "README.md").write_text(README, encoding="utf-8")
            marker.write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConvertError(f"{out}: cannot be written ({error.strerror}); give another --out") from None
    try:
        found = json.loads(marker.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConvertError(f"{marker}: cannot be read ({error}); give another --out") from None
    other = [key for key in described if found.get(key) != described[key]]
    if other:
        raise ConvertError(f"{out}: holds pictures of another {', '.join(other)}; give another --out")


def _digest(photos: Photos) -> str:
    """Return a short sum of the photographs' kinds, names and sizes, "" without any."""
    listed = [(kind, p) for kind, known in photos.food.items() for p in known]
    listed += [("counter", p) for p in photos.counters]
    if not listed:
        return ""
    lines = [f"{kind} {Path(p.path).name} {Path(p.path).stat().st_size} {p.disc}" for kind, p in listed]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def preview(out: Path) -> Path:
    """Write `preview.png`: the first pictures beside their classes and heights; return its path."""
    rows = []
    for sample in find_samples(out)[:_PREVIEWED]:
        inks = np.array([[int(code[i : i + 2], 16) for i in (5, 3, 1)] for code in _INKS], np.uint8)
        height = np.clip(sample.height_mm() * 5, 0, 255).astype(np.uint8)
        panes = [
            sample.picture()[:, :, ::-1],
            inks[sample.classes()],
            cv2.cvtColor(height, cv2.COLOR_GRAY2BGR),
        ]
        rows.append(np.hstack(panes))
    if len(rows) % 2:
        rows.append(np.zeros_like(rows[-1]))
    sheet = np.vstack([np.hstack(rows[i : i + 2]) for i in range(0, len(rows), 2)])
    path = out / "preview.png"
    if not cv2.imwrite(str(path), sheet):
        raise ConvertError(f"{path}: cannot be written; check the folder")
    return path
