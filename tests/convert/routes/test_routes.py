"""ONNX to TFLite in the converters' real environments; the first run builds them."""

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from convert.errors import ToolError
from convert.export import export_onnx, onnx_stage
from convert.networks.stage import Array
from convert.pictures import simulated_inputs
from convert.routes import ROUTES, Converted, convert_onnx, saved_model_stage
from convert.tflite.graph import read_graph
from convert.tflite.run import tflite_signature, tflite_stage
from tests.convert.routes.tiny_network import SPEC, tiny_network

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def images() -> Array:
    return simulated_inputs(SPEC, 12, seed=1)


@pytest.fixture(scope="module")
def onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "tiny.onnx"
    export_onnx(tiny_network(), path)
    return path


@pytest.fixture(scope="module", params=ROUTES)
def route(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def converted(route: str, onnx: Path, images: Array, tmp_path_factory: pytest.TempPathFactory) -> Converted:
    return convert_onnx(onnx, SPEC, images, tmp_path_factory.mktemp(route), route=route)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_every_stage_agrees_with_onnx(converted: Converted, route: str, onnx: Path, images: Array) -> None:
    wanted = onnx_stage(onnx, SPEC).run(images)
    for stage, tolerance in (
        (saved_model_stage(converted.saved_model, SPEC, route=route), 1e-5),
        (tflite_stage(converted.float32, SPEC), 1e-5),
        (tflite_stage(converted.int8, SPEC), 0.04),
    ):
        for output, expected, found in zip(SPEC.outputs, wanted, stage.run(images), strict=True):
            assert found.shape == expected.shape
            worst = float(np.abs(found - expected).max() / np.ptp(expected))
            assert worst <= tolerance, (stage.name, output.name, worst)


def test_int8_is_full_integer_static_and_of_versions_that_the_edge_tpu_compiler_reads(
    converted: Converted,
) -> None:
    graph = read_graph(converted.int8)
    used = [tensor for tensor in graph.main.tensors if tensor.elements > 0]
    assert {tensor.dtype for tensor in used} <= {"int8", "int32"}
    assert not any(tensor.is_dynamic for tensor in used)
    versions = {operator.name: operator.version for operator in graph.operators}
    newest = {
        "CONV_2D": 3,
        "DEPTHWISE_CONV_2D": 3,
        "ADD": 2,
        "PAD": 2,
        "MAX_POOL_2D": 2,
        "RESIZE_BILINEAR": 3,
    }
    assert {name: versions[name] for name in newest} == newest
    assert versions["FULLY_CONNECTED"] <= 4
    for operator in graph.operators:
        if operator.name in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            weights = graph.main.tensors[operator.inputs[1]].quantisation
            assert weights is not None
            channels = graph.main.tensors[operator.outputs[0]].shape[-1]
            assert len(weights.scales) == (1 if operator.name == "FULLY_CONNECTED" else channels)


def test_names_and_order_are_those_of_the_spec(converted: Converted) -> None:
    for path in (converted.float32, converted.int8):
        picture, outputs = tflite_signature(path, SPEC)
        assert picture.name == SPEC.input_name
        assert [output.name for output in outputs] == [output.name for output in SPEC.outputs]
        main = read_graph(path).main
        assert [main.tensors[index].name for index in main.outputs] == [out.name for out in SPEC.outputs]


def test_only_the_default_route_leaves_no_transpose(converted: Converted, route: str) -> None:
    for path in (converted.float32, converted.int8):
        count = Counter(operator.name for operator in read_graph(path).operators)
        assert (count["TRANSPOSE"] == 0) == (route == "onnx2tf")


def test_zero_padding_before_a_max_pool_stays_zero(converted: Converted) -> None:
    main = read_graph(converted.float32).main
    padders = [operator for operator in main.operators if operator.name in ("PAD", "PADV2")]
    assert padders
    for operator in padders:
        values = [tensor.values() for tensor in main.inputs_of(operator)[2:] if tensor is not None]
        assert all(np.all(value == 0) for value in values if value is not None)


def test_a_second_run_gives_the_same_bytes(
    converted: Converted, route: str, onnx: Path, images: Array, tmp_path: Path
) -> None:
    again = convert_onnx(onnx, SPEC, images, tmp_path, route=route)
    assert sha256(again.float32) == sha256(converted.float32)
    assert sha256(again.int8) == sha256(converted.int8)
    assert again.tools == converted.tools
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "tiny-float32.tflite", "tiny-int8.tflite", "tiny-saved-model",
    ]  # fmt: skip


@pytest.mark.parametrize("io", ["uint8", "float32"])
def test_input_and_output_are_of_the_type_that_was_asked_for(
    io: str, onnx: Path, images: Array, tmp_path: Path
) -> None:
    converted = convert_onnx(onnx, SPEC, images, tmp_path, io=io)  # type: ignore[arg-type]
    picture, outputs = tflite_signature(converted.int8, SPEC)
    assert {picture.dtype, *(output.dtype for output in outputs)} == {io}
    border = [op for op in read_graph(converted.int8).operators if op.name in ("QUANTIZE", "DEQUANTIZE")]
    assert len(border) == 1 + len(SPEC.outputs)
    assert max(operator.version for operator in border) <= 2
    scores = tflite_stage(converted.int8, SPEC).run(images)[0]
    wanted = onnx_stage(onnx, SPEC).run(images)[0]
    assert np.abs(scores - wanted).max() <= 0.04 * np.ptp(wanted)


def test_a_truncated_onnx_file_is_one_line_with_a_log(
    onnx: Path, images: Array, route: str, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(onnx.read_bytes()[:1000])
    with pytest.raises(ToolError, match=r"^[^\n]* on cut\.onnx failed: [^\n]*; see [^\n]*\.log$"):
        convert_onnx(cut, SPEC, images, tmp_path / "out", route=route)
    assert list((tmp_path / "out").iterdir()) == []
