import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.cli import main
from convert.edgetpu.check import Check, check, float_tensor
from convert.edgetpu.status import Status
from convert.tflite.graph import parse_graph, read_graph
from tests.convert.tflite.models import Builder, add_conv, small_model

PAIRS = Path(__file__).parents[4] / "shared/data/edgetpu_pairs"
MODELS = (
    "mobilenet_v1_0.25_128_quant",
    "deeplabv3_mnv2_dm05_pascal_quant",
    "movenet_single_pose_lightning_ptq",
)


def checked(b: Builder, inputs: list[int], outputs: list[int]) -> Check:
    return check(parse_graph(b.pack(inputs, outputs)))


def statuses(result: Check) -> list[tuple[str, Status]]:
    return [(j.operator.name, j.status) for j in result.judgements]


def one(
    name: str,
    make: Callable[[Builder], tuple[list[int], int]],
    options: Mapping[str, object] | None = None,
    version: int = 1,
) -> tuple[Status, str]:
    """Return status and reason of a single operator behind a convolution, so that it does not lead."""
    b = Builder()
    inputs, output = make(b)
    b.operator(name, inputs, (output,), options, version=version)
    judgement = checked(b, inputs[:1], [output]).judgements[-1]
    return judgement.status, judgement.reason


@pytest.mark.skipif(not PAIRS.exists(), reason="needs ../shared/data")
@pytest.mark.parametrize("name", MODELS)
def test_operator_by_operator_as_the_real_compiler(name: str) -> None:
    """The results of operators left beside edgetpu-custom-op are those predicted to stay on the CPU."""
    graph = read_graph(PAIRS / f"{name}.tflite")
    compiled = read_graph(PAIRS / f"{name}_edgetpu.tflite").main
    left = Counter(
        (o.name, compiled.tensors[o.outputs[0]].name) for o in compiled.operators if not o.is_custom
    )
    predicted = Counter(
        (j.operator.name, graph.main.tensors[j.operator.outputs[0]].name)
        for j in check(graph).judgements
        if j.status != Status.MAPPED
    )
    assert predicted == left
    assert check(graph).subgraphs == 1


@pytest.mark.skipif(not PAIRS.exists(), reason="needs ../shared/data")
@pytest.mark.parametrize("name", MODELS)
def test_parameters_as_the_real_compiler_stores_them(name: str) -> None:
    predicted = check(read_graph(PAIRS / f"{name}.tflite"))
    real = check(read_graph(PAIRS / f"{name}_edgetpu.tflite"))
    assert real.is_compiled
    assert real.parameter_bytes > 500_000
    assert predicted.parameter_bytes == pytest.approx(real.parameter_bytes, rel=0.03)
    assert predicted.fits_on_chip


def test_a_quantised_model_maps_in_one_piece() -> None:
    b = Builder()
    image = b.tensor((1, 8, 8, 3))
    result = checked(b, [image], [add_conv(b, add_conv(b, image, 8), 4)])
    assert (result.mapped, result.cpu, result.subgraphs) == (2, 0, 1)
    assert result.operators == (("CONV_2D", 2, Status.MAPPED),)


def test_what_follows_an_obstacle_says_so_and_a_branch_beside_it_maps() -> None:
    b = Builder()
    image = b.tensor((1, 8, 8, 4))
    first = add_conv(b, image, 4)
    swish = b.operator("HARD_SWISH", (first,), (b.tensor((1, 8, 8, 4)),))
    after = add_conv(b, swish, 4)
    beside = add_conv(b, first, 4)
    assert statuses(checked(b, [image], [after, beside])) == [
        ("CONV_2D", Status.MAPPED),
        ("HARD_SWISH", Status.UNSUPPORTED),
        ("CONV_2D", Status.MORE_SUBGRAPHS),
        ("CONV_2D", Status.MAPPED),
    ]


def test_float_inputs_and_outputs_stay_on_the_cpu_around_the_mapped_middle() -> None:
    """As published for Keras models: QUANTIZE unspecified, DEQUANTIZE of an unsupported type."""
    b = Builder()
    image = b.tensor((1, 8, 8, 3), "float32")
    quantised = b.operator("QUANTIZE", (image,), (b.tensor((1, 8, 8, 3)),))
    result = add_conv(b, quantised, 4)
    output = b.operator("DEQUANTIZE", (result,), (b.tensor((1, 8, 8, 4), "float32"),))
    assert statuses(checked(b, [image], [output])) == [
        ("QUANTIZE", Status.UNSPECIFIED),
        ("CONV_2D", Status.MAPPED),
        ("DEQUANTIZE", Status.DATA_TYPE),
    ]


def test_uint8_input_and_output_of_an_int8_model_map() -> None:
    b = Builder()
    image = b.tensor((1, 8, 8, 3), "uint8", zero_points=(128,))
    quantised = b.operator("QUANTIZE", (image,), (b.tensor((1, 8, 8, 3)),))
    output = b.operator(
        "QUANTIZE", (add_conv(b, quantised, 4),), (b.tensor((1, 8, 8, 4), "uint8", zero_points=(128,)),)
    )
    assert checked(b, [image], [output]).cpu == 0


def test_detection_post_processing_is_custom_and_of_an_unsupported_type() -> None:
    b = Builder()
    boxes = b.tensor((1, 10, 4))
    scores = b.operator("LOGISTIC", (b.tensor((1, 10, 3)),), (b.tensor((1, 10, 3)),))
    found = b.tensor((1, 5, 4), "float32")
    b.operator("TFLite_Detection_PostProcess", (boxes, scores), (found,), custom=b"\0")
    result = checked(b, [boxes], [found])
    assert ("CUSTOM", 1, Status.DATA_TYPE) in result.operators
    assert result.mapped == 1


def test_a_float_model_maps_nothing() -> None:
    b = Builder()
    image = b.tensor((1, 8, 8, 3), "float32")
    output = b.operator("RELU", (image,), (b.tensor((1, 8, 8, 3), "float32"),))
    result = checked(b, [image], [output])
    assert result.operators == (("RELU", 1, Status.DATA_TYPE),)
    assert (result.mapped, result.subgraphs, result.parameter_bytes) == (0, 0, 0)
    assert any("not quantized" in note for note in result.notes)
    assert float_tensor(parse_graph(b.pack([image], [output]))) is not None


def conv_case(b: Builder, shape: tuple[int, ...]) -> int:
    return b.operator("RELU", (b.tensor(shape),), (b.tensor(shape),))


def unary(shape: tuple[int, ...], result: tuple[int, ...], *constants: object) -> Callable[[Builder], object]:
    def make(b: Builder) -> tuple[list[int], int]:
        source = conv_case(b, shape)
        return [source, *(b.constant(c) for c in constants)], b.tensor(result)

    return make


def strides(value: int) -> tuple[object, ...]:
    return ([0, 0, 0, 0], [0, 0, 0, 0], [1, value, value, 1])


MAPPED = Status.MAPPED
CASES: list[tuple[str, object, Mapping[str, object] | None, Status]] = [
    ("RELU6", unary((1, 4, 4, 4), (1, 4, 4, 4)), None, MAPPED),
    ("LEAKY_RELU", unary((1, 4, 4, 4), (1, 4, 4, 4)), None, Status.UNSUPPORTED),
    ("RELU", unary((2, 4, 4, 4), (2, 4, 4, 4)), None, Status.RANK),
    ("RELU", unary((1, 1, 4, 4, 4), (1, 1, 4, 4, 4)), None, MAPPED),
    ("MEAN", unary((1, 7, 7, 8), (1, 8), [1, 2]), None, MAPPED),
    ("MEAN", unary((1, 64, 128, 3), (1, 3), [1, 2]), None, MAPPED),
    ("MEAN", unary((1, 256, 128, 3), (1, 3), [1, 2]), None, Status.UNSPECIFIED),
    ("MEAN", unary((1, 7, 7, 6), (1, 7, 7), [3]), None, Status.UNSPECIFIED),
    ("MEAN", unary((1, 7, 7, 8), (1, 7, 7), [-1]), None, MAPPED),
    ("MEAN", unary((1, 7, 7, 8), (7, 7, 8), [0]), None, Status.UNSPECIFIED),
    ("REDUCE_MAX", unary((1, 7, 7, 8), (7, 7, 8), [0]), None, Status.UNSPECIFIED),
    ("PAD", unary((1, 4, 4, 4), (1, 6, 6, 4), [[0, 0], [1, 1], [1, 1], [0, 0]]), None, MAPPED),
    ("PAD", unary((1, 4, 4, 4), (2, 4, 4, 4), [[0, 1], [0, 0], [0, 0], [0, 0]]), None, Status.RANK),
    ("PADV2", unary((1, 4, 4, 4), (1, 6, 6, 4), [[0, 0], [1, 1], [1, 1], [0, 0]]), None, Status.UNSUPPORTED),
    ("SOFTMAX", unary((1, 1001), (1, 1001)), None, MAPPED),
    ("SOFTMAX", unary((1, 16_001), (1, 16_001)), None, Status.UNSPECIFIED),
    ("SQUEEZE", unary((1, 1, 1, 10), (1, 10)), None, MAPPED),
    ("SQUEEZE", unary((1, 5, 1, 10), (5, 10)), None, Status.UNSPECIFIED),
    ("STRIDED_SLICE", unary((1, 4, 4, 4), (1, 4, 4, 4), *strides(1)), None, MAPPED),
    ("STRIDED_SLICE", unary((1, 4, 4, 4), (1, 2, 2, 4), *strides(2)), None, Status.UNSPECIFIED),
    ("TRANSPOSE", unary((1, 4, 4, 3), (1, 3, 4, 4), [0, 3, 1, 2]), None, MAPPED),
    ("TRANSPOSE", unary((1, 4, 4, 3), (4, 4, 3, 1), [1, 2, 3, 0]), None, Status.RANK),
    ("TRANSPOSE", unary((1, 1, 4, 3), (1, 1, 3, 4), [1, 0, 3, 2]), None, Status.UNSPECIFIED),
    ("RESIZE_BILINEAR", unary((1, 6, 6, 64), (1, 12, 12, 64), [12, 12]), None, MAPPED),
    ("RESIZE_BILINEAR", unary((1, 33, 33, 21), (1, 33, 33, 21), [33, 33]), None, MAPPED),
    ("RESIZE_BILINEAR", unary((1, 1, 1, 8), (1, 33, 33, 8), [33, 33]), None, Status.IMPRECISE),
    ("RESIZE_BILINEAR", unary((1, 64, 64, 32), (1, 128, 128, 32), [128, 128]), None, MAPPED),
    ("RESIZE_BILINEAR", unary((1, 256, 256, 6), (1, 512, 512, 6), [512, 512]), None, Status.UNSPECIFIED),
    ("RESIZE_BILINEAR", unary((1, 20, 20, 8), (1, 33, 33, 8), [33, 33]), None, Status.IMPRECISE),
    ("RESIZE_NEAREST_NEIGHBOR", unary((1, 3, 3, 64), (1, 5, 5, 64), [5, 5]), None, MAPPED),
    ("RESIZE_NEAREST_NEIGHBOR", unary((1, 40, 40, 128), (1, 80, 80, 128), [80, 80]), None, MAPPED),
    (
        "MAX_POOL_2D",
        unary((1, 4, 4, 4), (1, 2, 2, 4)),
        {"type": "Pool2DOptions", "fusedActivationFunction": 3},
        Status.UNSPECIFIED,
    ),
    ("CAST", unary((1, 4), (1, 4)), None, Status.UNSUPPORTED),
    ("GATHER", unary((1, 4), (1, 1), [2]), None, Status.UNSUPPORTED),
]


@pytest.mark.parametrize(("name", "make", "options", "status"), CASES)
def test_documented_and_published_limits(
    name: str,
    make: Callable[[Builder], tuple[list[int], int]],
    options: Mapping[str, object] | None,
    status: Status,
) -> None:
    found, reason = one(name, make, options)
    assert found == status
    assert bool(reason) == (status != Status.MAPPED)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, Status.MAPPED),
        ({"dilationWFactor": 2, "dilationHFactor": 2}, Status.MAPPED),
        ({"dilationWFactor": 2}, Status.UNSPECIFIED),
        ({"fusedActivationFunction": 3}, Status.MAPPED),
    ],
)
def test_dilation_of_a_convolution(changes: Mapping[str, int], status: Status) -> None:
    b = Builder()
    image = b.tensor((1, 8, 8, 4))
    output = add_conv(b, image, 4, **changes)
    assert checked(b, [image], [output]).judgements[0].status == status


def test_computed_weights_are_named() -> None:
    b = Builder()
    source, weights = b.tensor((1, 4)), b.tensor((2, 4))
    output = b.operator("FULLY_CONNECTED", (source, weights, -1), (b.tensor((1, 2)),))
    (judgement,) = checked(b, [source, weights], [output]).judgements
    assert judgement.status == Status.NOT_CONSTANT


def test_fully_connected_takes_one_row() -> None:
    b = Builder()
    source, weights = b.tensor((5, 4)), b.constant(np.ones((2, 4)), "int8", scales=[0.1])
    output = b.operator("FULLY_CONNECTED", (source, weights, -1), (b.tensor((5, 2)),))
    assert checked(b, [source], [output]).judgements[0].status == Status.UNSPECIFIED


@pytest.mark.parametrize(
    ("zeros", "inputs", "status"),
    [(0, 2, Status.MAPPED), (7, 2, Status.UNSPECIFIED), (0, 3, Status.UNSPECIFIED)],
)
def test_a_constant_is_joined_only_as_zero_padding(zeros: int, inputs: int, status: Status) -> None:
    b = Builder()
    source = b.tensor((1, 4, 4, 4))
    padding = b.constant(np.full((1, 4, 4, 4), zeros), "int8", scales=[0.05])
    more = [b.tensor((1, 4, 4, 4)) for _ in range(inputs - 2)]
    result = b.tensor((1, 4, 4, 4 * inputs))
    output = b.operator("CONCATENATION", (source, padding, *more), (result,))
    assert checked(b, [source, *more], [output]).judgements[0].status == status


def test_an_operator_newer_than_the_compiler_fails_the_file() -> None:
    """Published for CONV_2D version 6, EXP version 2, QUANTIZE version 3, TRANSPOSE_CONV version 4."""
    b = Builder()
    image = b.tensor((1, 4, 4, 4))
    first = add_conv(b, image, 4)
    output = b.operator("EXP", (first,), (b.tensor((1, 4, 4, 4)),), version=2)
    result = checked(b, [image], [output])
    assert result.failure is not None
    assert "opcode 'EXP' version '2'" in result.failure
    assert (result.mapped, result.subgraphs) == (0, 0)
    assert statuses(result)[1] == ("EXP", Status.VERSION)
    assert all(j.reason for j in result.judgements)


def test_a_computed_shape_fails_the_file() -> None:
    """As Flatten of a Keras model with an open batch: "only supports static-sized tensors"."""
    b = Builder()
    image = b.tensor((1, 4, 4, 4), signature=(-1, 4, 4, 4))
    shape = b.operator("SHAPE", (image,), (b.tensor((4,), "int32"),))
    output = b.operator("RESHAPE", (image, shape), (b.tensor((1, 64)),))
    result = checked(b, [image], [output])
    assert result.failure is not None
    assert "static-sized" in result.failure
    assert result.mapped == 0


def test_an_open_batch_alone_is_taken_as_stored() -> None:
    b = Builder()
    image = b.tensor((1, 8, 8, 3), signature=(-1, 8, 8, 3))
    result = checked(b, [image], [add_conv(b, image, 4)])
    assert result.cpu == 0
    assert any("[-1, 8, 8, 3]" in note for note in result.notes)


@given(st.floats(-1, 1), st.integers(-300, 300), st.sampled_from(["int8", "uint8"]))
def test_quantisation_parameters_must_be_sound(scale: float, zero: int, dtype: str) -> None:
    b = Builder()
    source = b.tensor((1, 4, 4, 4), dtype, scales=[0.5])
    output = b.operator(
        "RELU", (source,), (b.tensor((1, 4, 4, 4), dtype, scales=[scale], zero_points=[zero]),)
    )
    low, high = (-128, 127) if dtype == "int8" else (0, 255)
    sound = np.float32(scale) > 0 and low <= zero <= high
    status = checked(b, [source], [output]).judgements[0].status
    assert status == (Status.MAPPED if sound else Status.UNSPECIFIED)


def test_activations_have_one_scale() -> None:
    b = Builder()
    source = b.tensor((1, 4, 4, 2), scales=[0.1, 0.2], axis=3)
    output = b.operator("RELU", (source,), (b.tensor((1, 4, 4, 2)),))
    assert checked(b, [source], [output]).judgements[0].status == Status.UNSPECIFIED


@given(st.integers(1, 70), st.integers(1, 70), st.sampled_from([1, 3]))
def test_parameter_bytes_grow_and_never_lie_below_the_weights(outputs: int, inputs: int, kernel: int) -> None:
    def size(channels: int) -> int:
        b = Builder()
        image = b.tensor((1, 4, 4, inputs))
        return checked(b, [image], [add_conv(b, image, channels, kernel=kernel)]).parameter_bytes

    assert size(outputs) >= outputs * inputs * kernel * kernel + 4 * outputs
    assert size(outputs + 1) > size(outputs)


def test_a_fully_connected_layer_is_stored_as_published() -> None:
    """66.00 KiB for 256x256."""
    b = Builder()
    source, weights = b.tensor((1, 256)), b.constant(np.ones((256, 256)), "int8", scales=[0.1])
    output = b.operator("FULLY_CONNECTED", (source, weights, -1), (b.tensor((1, 256)),))
    assert checked(b, [source], [output]).parameter_bytes == 66 * 1024


def test_a_large_model_does_not_fit() -> None:
    b = Builder()
    source, weights = b.tensor((1, 4096)), b.constant(np.ones((2048, 4096)), "int8", scales=[0.1])
    output = b.operator("FULLY_CONNECTED", (source, weights, -1), (b.tensor((1, 2048)),))
    assert not checked(b, [source], [output]).fits_on_chip


def test_the_command_prints_json_and_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "small.tflite"
    path.write_bytes(small_model())
    assert main(["check", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["mapped"], found["cpu"], found["subgraphs"], found["fits_on_chip"]) == (2, 1, 1, True)
    assert {"operator": "ARG_MAX", "count": 1, "status": Status.DATA_TYPE.value} in found["operators"]
    assert found["reasons"][0]["index"] == 2
    assert main(["check", str(path)]) == 0
    text = capsys.readouterr().out
    assert "CONV_2D                        1          Mapped to Edge TPU" in text
    assert "ARG_MAX (operator 2): int64 values" in text


def test_a_float_model_is_one_line_where_int8_is_required(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    b = Builder()
    image = b.tensor((1, 4), "float32", name="image")
    output = b.operator("RELU", (image,), (b.tensor((1, 4), "float32"),))
    path = tmp_path / "float.tflite"
    path.write_bytes(b.pack([image], [output]))
    assert main(["check", str(path), "--require-int8"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert "image of RELU is float32" in printed.err
    path.write_bytes(small_model())
    assert main(["check", str(path), "--require-int8"]) == 0


def test_a_broken_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cut.tflite"
    path.write_bytes(small_model()[:300])
    assert main(["check", str(path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_no_operators_at_all() -> None:
    b = Builder()
    image = b.tensor((1, 4))
    result = checked(b, [image], [image])
    assert (result.mapped, result.cpu, result.subgraphs) == (0, 0, 0)
