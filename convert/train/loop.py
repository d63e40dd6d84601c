"""The training loop."""

import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from tqdm import tqdm

from appliance.inference.record import Source, TrainingRecord
from convert.errors import ConvertError
from convert.networks.spec import TRAY_CLASSES
from convert.networks.state import save_checkpoint
from convert.train.dataset import Batch, Data, Stream, ahead, validation_batches
from convert.train.log import Log, log_path
from convert.train.losses import class_weights
from convert.train.precision import arithmetic
from convert.train.rectify import UNSEEN
from convert.train.settings import rate_at
from convert.train.state import Training, state_path
from convert.train.stop import Stop
from convert.train.task import DepthTask, Figures, SegmentationTask, Task

_STEEPEST: Final = 1.0
"""Longest gradient; a longer one is shortened to it."""

_TOLD: Final = 4

_COUNTED_BATCHES: Final = 25
"""Of the stream, to count the classes in."""


@dataclass(frozen=True)
class Pace:
    """How often things happen that do not change the training."""

    validate_steps: int = 250
    log_steps: int = 20
    save_s: float = 180.0
    validated: int = 100


def train(
    training: Training,
    data: Data,
    out: Path,
    stop: Stop,
    pace: Pace,
    *,
    sources: Sequence[Source] = (),
    earlier: TrainingRecord | None = None,
) -> Figures:
    """Train until the last step, or until `stop`; return the last validation's figures, {} if there was none.

    `out` gets the best weights by validation, `state_path(out)` the state, `log_path(out)` a line of JSON for
    the beginning, every `pace.log_steps` steps and every validation. `sources`, and the record `earlier` of
    the weights that all began with, are noted there and beside the weights. Raises `ConvertError` where a
    file cannot be written or the loss is no number.
    """
    settings = training.settings
    stream = Stream(data, training.network.spec, settings.batch, settings.seed, pairs=settings.pairs)
    log = Log(log_path(out))
    if log.judged_on() not in {None, len(data.validation)}:
        # Figures on other pictures do not compare.
        training.best = float("-inf")
    log.write(
        {
            "event": "resumed" if training.step else "began",
            "step": training.step,
            "settings": settings.stored(),
            "encoder_weights": training.beginning,
            "pictures": len(data.training),
            "validation_pictures": len(data.validation),
            "threads": torch.get_num_threads(),
            "sources": [source.model_dump() for source in sources],
            "earlier": None if earlier is None else earlier.model_dump(mode="json"),
        }
    )
    task = _task(training, stream)
    figures: Figures = {}
    judged = training.step
    saved = time.monotonic()
    gauge = _Gauge(settings.batch)
    bar = tqdm(total=settings.steps, initial=training.step, unit="step", desc=settings.network)
    with closing(ahead(stream.batch, range(training.step, settings.steps))) as batches, bar:
        for batch in batches:
            if stop:
                break
            parts = advance(training, task, batch)
            gauge.count(parts)
            bar.update()
            if training.step % pace.log_steps == 0:
                line = gauge.line()
                bar.set_postfix(loss=f"{line['loss']:.4f}", refresh=False)
                log.write(
                    {"event": "step", "step": training.step, "rate": rate_at(training.step - 1, settings)}
                    | line
                )
            if training.step % pace.validate_steps == 0 or training.step == settings.steps:
                figures = _judge(training, task, data, out, pace.validated, log=log)
                judged = training.step
                gauge.restart()
            if time.monotonic() - saved > pace.save_s:
                training.save(state_path(out))
                saved = time.monotonic()
    # Out of time, but not asked to go at once.
    if training.step > judged and stop.number is None:
        figures = _judge(training, task, data, out, pace.validated, log=log)
    training.save(state_path(out))
    return figures


def advance(training: Training, task: Task, batch: Batch) -> dict[str, float]:
    """Take one step; return the loss and its parts. Raises `ConvertError` where it is no number."""
    network = training.network.train()
    rate = rate_at(training.step, training.settings)
    for group in training.optimiser.param_groups:
        group["lr"] = rate * group["share"]
    images = batch.images.contiguous(memory_format=torch.channels_last)
    with arithmetic(training.settings.precision):
        outputs = network(images)
    loss, parts = task.loss(tuple(output.float() for output in outputs), batch)
    if not bool(loss.isfinite()):
        raise ConvertError(f"step {training.step}: the loss is no number; train with another --seed or data")
    training.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(network.parameters(), _STEEPEST)
    training.optimiser.step()
    training.step += 1
    training.average()
    return {"loss": float(loss.detach())} | {name: float(part.detach()) for name, part in parts.items()}


def validate(training: Training, task: Task, data: Data, limit: int) -> tuple[Figures, float]:
    """Return figures and merit of the averaged weights on at most `limit` pictures to validate on."""
    score = task.score()
    with torch.inference_mode():
        for batch in validation_batches(data, training.network.spec, training.settings.batch, limit):
            images = batch.images.contiguous(memory_format=torch.channels_last)
            score.add(training.averaged(images), batch)
    return score.figures(), score.merit()


def _judge(training: Training, task: Task, data: Data, out: Path, limit: int, *, log: Log) -> Figures:
    """Validate, log and tell the figures, and keep the weights if they are the best so far."""
    figures, merit = validate(training, task, data, limit)
    best = merit > training.best
    if best:
        training.best = merit
    log.write({"event": "validation", "step": training.step, "best": best} | figures)
    if best:
        save_checkpoint(training.averaged, out, log.record())
    tqdm.write(f"step {training.step}: {told(figures)}{', the best so far' if best else ''}", file=sys.stderr)
    return figures


def told(figures: Figures) -> str:
    """Return the chief figures, which come first, in one line."""
    return ", ".join(f"{name} {value:.3f}" for name, value in list(figures.items())[:_TOLD])


def count_classes(batches: Iterable[Batch]) -> torch.Tensor:
    """Return how many pixels each class has in batches: (C,) int64."""
    pixels = torch.zeros(len(TRAY_CLASSES), dtype=torch.int64)
    for batch in batches:
        seen = batch.classes[batch.classes != UNSEEN]
        pixels += torch.bincount(seen, minlength=len(TRAY_CLASSES))
    return pixels


def _task(training: Training, stream: Stream) -> Task:
    if training.settings.family == "midas":
        return DepthTask(training.settings.pairs)
    if training.class_weights is None:
        counted = min(_COUNTED_BATCHES, training.settings.steps)
        training.class_weights = class_weights(count_classes(stream.batch(step) for step in range(counted)))
    return SegmentationTask(training.class_weights)


class _Gauge:
    """Mean losses and samples a second since the last line."""

    def __init__(self, batch: int) -> None:
        self._batch = batch
        self.restart()

    def restart(self) -> None:
        self._sums: dict[str, float] = {}
        self._steps = 0
        self._since = time.monotonic()

    def count(self, parts: dict[str, float]) -> None:
        for name, value in parts.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._steps += 1

    def line(self) -> dict[str, float]:
        took = max(time.monotonic() - self._since, 1e-9)
        line = {name: total / self._steps for name, total in self._sums.items()}
        line["samples_per_s"] = self._steps * self._batch / took
        self.restart()
        return line
