"""Runs every stage on every picture, a few at a time, and measures how far they agree."""

import sys
import time
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from convert.errors import ConvertError, ModelFileError
from convert.networks.spec import NetworkSpec, Output
from convert.networks.stage import Array, Stage
from convert.parity.gates import DEFAULT, SAVED_MODEL, Gates, judge, transition_between
from convert.parity.metrics import (
    HIGHER_IS_BETTER,
    METRICS,
    compare_outputs,
    confusion_matrix,
    is_finite,
    mean_iou,
)
from convert.parity.result import MetricResult, PairResult, ParityResult, StageResult
from convert.tflite.outputs import shape_of

CHUNK: Final = 16
"""Pictures of which the outputs of all stages are held in memory at once."""

BATCH: Final = 4
"""Pictures that a stage takes at a time; more would gain nothing on a CPU and cost memory."""


def compare(
    stages: Sequence[Stage],
    spec: NetworkSpec,
    images: Array,
    picture_names: Sequence[str],
    *,
    gates: Gates = DEFAULT,
    origin: str = "",
) -> ParityResult:
    """Return how far `stages` agree on `images`, and what `gates` say to it.

    `images` (N, H, W, 3) is normalised as `spec` says; `origin` says where the pictures come from. The first
    stage is the reference: all others are compared with it, every stage with the one before it, and TFLite
    stages with the SavedModel. Raises `ConvertError` for fewer than two stages, two of one name or no
    pictures, and `ModelFileError` where a stage's outputs are not those of `spec`.
    """
    _check(stages, spec, images, picture_names)
    pairs = [_Pair(first, second, output) for first, second in _pairs(stages) for output in spec.outputs]
    clocks = [_Clock(stage) for stage in stages]
    progress = tqdm(total=len(images), desc="parity", unit="picture", delay=2, file=sys.stderr)
    with progress:
        for start in range(0, len(images), CHUNK):
            batch = images[start : start + CHUNK]
            given = {clock.stage.name: clock.run(batch, spec) for clock in clocks}
            for pair in pairs:
                place = spec.outputs.index(pair.output)
                pair.add(given[pair.stage][place], given[pair.reference][place])
            progress.update(len(batch))
    results = tuple(pair.result() for pair in pairs)
    judged = judge(results, gates)
    return ParityResult(
        network=spec.name,
        input_px=(spec.height, spec.width),
        picture_origin=origin,
        pictures=tuple(picture_names),
        reference=stages[0].name,
        stages=tuple(clock.result(clocks[0]) for clock in clocks),
        pairs=results,
        gates=judged,
        passed=all(gate.passed for gate in judged),
    )


def run_stage(stage: Stage, images: Array, spec: NetworkSpec) -> tuple[Array, ...]:
    """Return a stage's outputs for all `images`; raises `ModelFileError` unless their shapes are `spec`'s."""
    # A SavedModel starts a process for every call, which looks after its memory itself.
    size = len(images) if stage.name == SAVED_MODEL else BATCH
    parts = [_run_batch(stage, images[i : i + size], spec) for i in range(0, len(images), size)]
    return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))


def _run_batch(stage: Stage, images: Array, spec: NetworkSpec) -> tuple[Array, ...]:
    outputs = stage.run(images)
    found = [output.shape for output in outputs]
    wanted = [_shape(output, len(images), spec) for output in spec.outputs]
    if found != wanted:
        raise ModelFileError(
            f"stage {stage.name}: gives outputs {_shapes(found)}, but {spec.name} has {_shapes(wanted)};"
            " compare files of one network"
        )
    return outputs


class _Clock:
    """A stage, with the time it took and the pictures it failed on."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.seconds = 0.0
        self._non_finite = 0

    def run(self, images: Array, spec: NetworkSpec) -> tuple[Array, ...]:
        start_s = time.perf_counter()
        outputs = run_stage(self.stage, images, spec)
        self.seconds += time.perf_counter() - start_s
        self._non_finite += sum(not all(is_finite(o[i]) for o in outputs) for i in range(len(images)))
        return outputs

    def result(self, reference: "_Clock") -> StageResult:
        return StageResult(
            name=self.stage.name,
            time_ratio=round(self.seconds / max(reference.seconds, 1e-9), 3),
            non_finite_pictures=self._non_finite,
        )


class _Pair:
    """One output of two stages, and the metrics of all pictures so far."""

    def __init__(self, reference: str, stage: str, output: Output) -> None:
        self.reference, self.stage, self.output = reference, stage, output
        self._values: dict[str, list[float]] = {name: [] for name in METRICS[output.meaning]}
        self._confusion: npt.NDArray[np.int64] = np.zeros((len(output.classes),) * 2, np.int64)
        self._finite = True

    def add(self, estimates: Array, references: Array) -> None:
        for estimate, reference in zip(estimates, references, strict=True):
            for name, value in compare_outputs(self.output.meaning, estimate, reference).items():
                self._values[name].append(value)
            if self.output.meaning == "segmentation":
                self._confusion += confusion_matrix(estimate, reference)
                self._finite &= is_finite(estimate) and is_finite(reference)

    def result(self) -> PairResult:
        metrics = {name: _summary(name, values) for name, values in self._values.items()}
        if self.output.meaning == "segmentation":
            pooled = mean_iou(self._confusion) if self._finite else 0.0
            metrics["miou"] = metrics["miou"].model_copy(update={"pooled": round(pooled, 6)})
        return PairResult(
            output=self.output.name,
            meaning=self.output.meaning,
            reference=self.reference,
            stage=self.stage,
            transition=transition_between(self.reference, self.stage),
            metrics=metrics,
        )


def _summary(name: str, values: list[float]) -> MetricResult:
    higher = name in HIGHER_IS_BETTER
    return MetricResult(
        mean=float(np.mean(values)),
        p5=float(np.percentile(values, 5 if higher else 95)),
        worst=min(values) if higher else max(values),
        pictures=tuple(values),
    )


def _pairs(stages: Sequence[Stage]) -> Iterator[tuple[str, str]]:
    """Name the pairs to compare, the reference of each first."""
    names = [stage.name for stage in stages]
    for place, name in enumerate(names[1:], 1):
        saved = [other for other in names[:place] if other == SAVED_MODEL and name.startswith("tflite")]
        yield from ((other, name) for other in dict.fromkeys([names[0], *saved, names[place - 1]]))


def _check(stages: Sequence[Stage], spec: NetworkSpec, images: Array, picture_names: Sequence[str]) -> None:
    names = [stage.name for stage in stages]
    if len(names) < 2:
        raise ConvertError(f"{' '.join(names) or 'no stage'}: at least two stages are needed to compare them")
    if len(set(names)) < len(names):
        raise ConvertError(f"{', '.join(names)}: every stage needs a name of its own")
    if not len(images):
        raise ConvertError("no pictures to compare the stages on; give at least one")
    if len(images) != len(picture_names):
        raise ConvertError(f"{len(images)} pictures have {len(picture_names)} names; give one name for each")
    if images.shape[1:] != (spec.height, spec.width, 3):
        raise ConvertError(
            f"the pictures are {images.shape[2]}x{images.shape[1]} pixels, but {spec.name} takes"
            f" {spec.width}x{spec.height}"
        )


def _shape(output: Output, pictures: int, spec: NetworkSpec) -> tuple[int, ...]:
    return (pictures, *shape_of(output, spec)[1:])


def _shapes(shapes: Sequence[tuple[int, ...]]) -> str:
    return " and ".join("x".join(map(str, shape)) for shape in shapes) or "none"
