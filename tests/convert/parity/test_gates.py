"""The limits: what lies on them, what a file may change, and what a failure says."""

from pathlib import Path

import pytest

from convert.errors import ConvertError, GateError
from convert.parity.gates import DEFAULT, Gate, judge, load_gates, transition_between
from convert.parity.metrics import HIGHER_IS_BETTER, METRICS
from convert.parity.result import MetricResult, PairResult, ParityResult, StageResult


def pair(stage: str = "tflite int8", **values: float) -> PairResult:
    metrics = {name: values.get(name, float(name in HIGHER_IS_BETTER)) for name in METRICS["inverse_depth"]}
    return PairResult(
        output="depth",
        meaning="inverse_depth",
        reference="pytorch",
        stage=stage,
        transition=transition_between("pytorch", stage),
        metrics={
            name: MetricResult(mean=value, p5=value, worst=value, pictures=(value,))
            for name, value in metrics.items()
        },
    )


def result(*pairs: PairResult) -> ParityResult:
    gates = judge(pairs)
    return ParityResult(
        network="fake",
        input_px=(8, 8),
        picture_origin="",
        pictures=("a.jpg",),
        reference="pytorch",
        stages=tuple(
            StageResult(name=name, time_ratio=1, non_finite_pictures=0) for name in ("pytorch", "tflite int8")
        ),
        pairs=pairs,
        gates=gates,
        passed=all(gate.passed for gate in gates),
    )


def limit_of(metric: str, statistic: str, transition: str = "int8") -> float:
    return next(
        gate.limit
        for gate in DEFAULT
        if (gate.meaning, gate.transition, gate.metric, gate.statistic)
        == ("inverse_depth", transition, metric, statistic)
    )


def test_every_gate_is_of_a_metric_that_is_measured() -> None:
    assert all(gate.metric in METRICS[gate.meaning] for gate in DEFAULT)
    keys = [(gate.meaning, gate.transition, gate.metric, gate.statistic) for gate in DEFAULT]
    assert len(set(keys)) == len(keys)
    assert all(gate.why for gate in DEFAULT)


def test_every_meaning_is_gated_at_every_transition() -> None:
    gated = {(gate.meaning, gate.transition) for gate in DEFAULT}
    assert gated == {(meaning, step) for meaning in METRICS for step in ("float", "int8", "edgetpu")}


@pytest.mark.parametrize(
    ("reference", "stage", "transition"),
    [
        ("pytorch", "onnx", "float"),
        ("savedmodel", "tflite float32", "float"),
        ("savedmodel", "tflite int8", "int8"),
        ("tflite float32", "tflite int8", "int8"),
        ("tflite int8 one", "tflite int8 two", "int8"),
        ("pytorch", "edgetpu", "int8"),
        ("tflite int8", "edgetpu", "edgetpu"),
    ],
)
def test_transitions(reference: str, stage: str, transition: str) -> None:
    assert transition_between(reference, stage) == transition


def test_a_value_at_the_limit_passes_and_one_beyond_fails() -> None:
    limit = limit_of("aligned_error", "mean")
    assert result(pair(aligned_error=limit)).passed
    assert not result(pair(aligned_error=limit + 1e-5)).passed
    limit = limit_of("rank_correlation", "p5")
    assert result(pair(rank_correlation=limit)).passed
    assert not result(pair(rank_correlation=limit - 1e-5)).passed


def test_float_stages_have_their_own_limits() -> None:
    limit = limit_of("raw_difference", "worst", "float")
    assert result(pair("onnx", raw_difference=limit)).passed
    assert not result(pair("onnx", raw_difference=limit + 1e-5)).passed
    assert result(pair("tflite int8", raw_difference=limit_of("raw_difference", "mean"))).passed


def test_enforcing_names_the_gate_that_is_missed_most() -> None:
    result(pair()).enforce()
    with pytest.raises(GateError) as error:
        result(pair(aligned_error=0.36, rank_correlation=0.1)).enforce()
    assert "\n" not in str(error.value)
    for word in ("fake", "tflite int8 against pytorch", "rank_correlation", "0.1", ">= 0.95", "2 of 6 gates"):
        assert word in str(error.value)


def test_a_reference_without_structure_proves_nothing() -> None:
    with pytest.raises(GateError, match="informative"):
        result(pair(informative=0)).enforce()


def test_a_file_replaces_and_adds_limits(tmp_path: Path) -> None:
    file = tmp_path / "loose.toml"
    file.write_text(
        "[inverse_depth.int8]\naligned_error.mean = 0.9\ncorrelation = { worst = 0.2 }\n"
        "[segmentation.int8.miou]\npooled = 0\n"
    )
    gates = load_gates(file)
    assert len(gates) == len(DEFAULT) + 1
    assert judge([pair(aligned_error=0.8)], gates)
    assert all(gate.passed for gate in judge([pair(aligned_error=0.8)], gates))
    added = next(gate for gate in judge([pair(correlation=0.1)], gates) if gate.metric == "correlation")
    assert (added.passed, added.limit, added.default_limit) == (False, 0.2, None)
    loosened = next(gate for gate in judge([pair()], gates) if gate.metric == "aligned_error")
    assert (loosened.limit, loosened.default_limit) == (0.9, limit_of("aligned_error", "mean"))
    assert Gate("segmentation", "int8", "miou", "pooled", 0.0, "set by loose.toml") in gates


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[depth.int8.aligned_error]\nmean = 1", "inverse_depth, segmentation, quantity"),
        ("[inverse_depth.int16.aligned_error]\nmean = 1", "float, int8, edgetpu"),
        ("[inverse_depth.int8.miou]\nmean = 1", "aligned_error"),
        ("[inverse_depth.int8.aligned_error]\npooled = 1", "mean, p5, worst"),
        ("[inverse_depth.int8]\naligned_error = 1", "mean, p5, worst"),
        ("[inverse_depth.int8.aligned_error.mean]\nmean = 1", "level too many"),
        ("[inverse_depth.int8.aligned_error]\nmean = 1.5", "from 0 to 1"),
        ("[inverse_depth.int8.aligned_error]\nmean = nan", "from 0 to 1"),
        ("[inverse_depth.int8.aligned_error]\nmean = true", "from 0 to 1"),
        ("limit = 1", "inverse_depth"),
        ("[inverse_depth", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_one_clear_line(tmp_path: Path, text: str, word: str) -> None:
    file = tmp_path / "gates.toml"
    file.write_text(text)
    with pytest.raises(ConvertError) as error:
        load_gates(file)
    assert str(error.value).startswith(str(file))
    assert word in str(error.value)
    assert "\n" not in str(error.value)


def test_an_absent_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConvertError, match="cannot be read"):
        load_gates(tmp_path / "none.toml")
