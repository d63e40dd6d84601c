"""Stages against one another on pictures: which pairs, which pictures, which faults are seen."""

from collections.abc import Callable

import numpy as np
import pytest

from convert.errors import ConvertError, ModelFileError
from convert.networks.stage import Array
from convert.parity.compare import BATCH, CHUNK, compare
from convert.parity.result import PairResult, ParityResult
from tests.convert.parity.fake_stages import SPEC, FakeStage, names, pictures


def compared(*stages: FakeStage, count: int = 6) -> ParityResult:
    return compare(stages, SPEC, pictures(count), names(count))


def pair_of(result: ParityResult, stage: str, output: str, reference: str = "pytorch") -> PairResult:
    return next(p for p in result.pairs if (p.stage, p.output, p.reference) == (stage, output, reference))


def test_pairs_are_neighbours_the_reference_and_the_saved_model() -> None:
    order = ("pytorch", "onnx", "savedmodel", "tflite float32", "tflite int8")
    result = compared(*(FakeStage(name) for name in order))
    assert [(p.reference, p.stage) for p in result.pairs if p.output == "depth"] == [
        ("pytorch", "onnx"),
        ("pytorch", "savedmodel"),
        ("onnx", "savedmodel"),
        ("pytorch", "tflite float32"),
        ("savedmodel", "tflite float32"),
        ("pytorch", "tflite int8"),
        ("savedmodel", "tflite int8"),
        ("tflite float32", "tflite int8"),
    ]
    assert result.passed
    assert {stage.name for stage in result.stages} == set(order)


def test_a_little_noise_passes_and_much_fails() -> None:
    good = compared(FakeStage("pytorch"), FakeStage("tflite int8", noise=0.01))
    assert good.passed
    good.enforce()
    bad = compared(FakeStage("pytorch"), FakeStage("tflite int8", noise=2))
    assert not bad.passed
    assert not compared(FakeStage("pytorch"), FakeStage("onnx", noise=0.02)).passed


def permuted(number: int, array: Array) -> Array:
    return np.roll(array, 1, axis=-1) if number else array


def inverted(number: int, array: Array) -> Array:
    return array if number else -array


def blind(_: int, array: Array) -> Array:
    return np.zeros_like(array)


def dented(number: int, array: Array) -> Array:
    """One compartment's area sinks by most of the range: the correlation stays high, the volume does not."""
    if number:
        return array
    array = array.copy()
    array[:, :16, :16] += 2 * array.std()
    return array


def broken(number: int, array: Array) -> Array:
    if number == 0:
        array = array.copy()
        array[0, 0, 0] = np.nan
    return array


@pytest.mark.parametrize(
    ("fault", "outputs"),
    [
        (permuted, {"classes", "left"}),
        (inverted, {"depth"}),
        (blind, {"depth", "classes", "left"}),
        (dented, {"depth"}),
        (broken, {"depth"}),
    ],
)
def test_gates_see_faults_of_an_int8_model(fault: Callable[[int, Array], Array], outputs: set[str]) -> None:
    result = compared(FakeStage("pytorch"), FakeStage("tflite int8", noise=0.01, fault=fault))
    assert {gate.output for gate in result.gates if not gate.passed} == outputs


def test_a_wrong_scale_is_forgiven_by_alignment_but_not_between_float_stages() -> None:
    def scaled(_: int, array: Array) -> Array:
        return np.asarray(array * np.float32(1.05))

    assert not compared(FakeStage("pytorch"), FakeStage("onnx", fault=scaled)).passed


def test_numbers_that_are_none_are_counted() -> None:
    result = compared(FakeStage("pytorch"), FakeStage("tflite int8", fault=broken), count=5)
    # The fault hits the first picture of each batch that the stage runs.
    assert [stage.non_finite_pictures for stage in result.stages] == [0, -(-5 // BATCH)]
    assert pair_of(result, "tflite int8", "depth").metrics["aligned_error"].worst == 1


def test_summaries_are_of_the_pictures() -> None:
    result = compared(FakeStage("pytorch"), FakeStage("tflite int8", noise=0.3), count=9)
    for pair in result.pairs:
        for name, metric in pair.metrics.items():
            assert len(metric.pictures) == 9
            assert metric.mean == pytest.approx(np.mean(metric.pictures), abs=1e-5)
            higher = name in {"agreement", "miou", "rank_correlation", "correlation", "informative"}
            assert metric.worst == (min if higher else max)(metric.pictures)
            assert (metric.p5 >= metric.worst) if higher else (metric.p5 <= metric.worst)
    pooled = pair_of(result, "tflite int8", "classes").metrics["miou"].pooled
    assert pooled is not None
    assert pooled == pytest.approx(pair_of(result, "tflite int8", "classes").metrics["miou"].mean, abs=0.1)


def test_stages_run_in_small_batches_but_a_saved_model_in_one_process_for_many() -> None:
    stages = [FakeStage("pytorch"), FakeStage("savedmodel")]
    count = CHUNK + BATCH + 1
    result = compare(stages, SPEC, pictures(count), names(count))
    assert max(stages[0].batches) == BATCH
    assert sum(stages[0].batches) == count
    assert stages[1].batches == [CHUNK, BATCH + 1]
    assert result.pictures == names(count)


def test_figures_for_the_manifest() -> None:
    result = compared(FakeStage("pytorch"), FakeStage("tflite int8", noise=0.1))
    figures = result.figures("tflite int8")
    assert (
        figures["depth_aligned_error_mean"]
        == pair_of(result, "tflite int8", "depth").metrics["aligned_error"].mean
    )
    assert {"classes_miou_pooled", "left_agreement_worst"} <= set(figures)
    assert result.figures("pytorch") == {}


def test_comparisons_that_make_no_sense_are_one_clear_line() -> None:
    two = (FakeStage("pytorch"), FakeStage("onnx"))
    images = pictures(2)
    for stages, given, named, word in (
        (two[:1], images, names(2), "two stages"),
        ((two[0], two[0]), images, names(2), "name of its own"),
        (two, images[:0], (), "no pictures"),
        (two, images, names(1), "1 names"),
        (two, images[:, :16], names(2), "32x16 pixels"),
    ):
        with pytest.raises(ConvertError, match=word) as error:
            compare(stages, SPEC, given, named)
        assert "\n" not in str(error.value)


def test_a_stage_of_another_network_is_refused() -> None:
    def halved(_: int, array: Array) -> Array:
        return array[:, ::2, ::2] if array.ndim == 4 else array

    with pytest.raises(ModelFileError, match=r"onnx.*4x16x16x1.*4x32x32x1"):
        compared(FakeStage("pytorch"), FakeStage("onnx", fault=halved))
