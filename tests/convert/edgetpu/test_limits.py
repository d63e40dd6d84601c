from collections.abc import Callable, Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.edgetpu.check import Check, check
from convert.edgetpu.status import Status
from convert.tflite.graph import parse_graph
from tests.convert.tflite.models import Builder, add_conv


def checked(b: Builder, inputs: list[int], outputs: list[int]) -> Check:
    return check(parse_graph(b.pack(inputs, outputs)))


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
    ("RESHAPE", unary((1, 40, 40, 810), (1, 14_400, 90), [1, 14_400, 90]), None, MAPPED),
    ("RESHAPE", unary((1, 80, 80, 255), (1, 6400, 3, 85), [1, 6400, 3, 85]), None, Status.UNSPECIFIED),
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


def test_a_transposed_convolution_has_its_bias_last() -> None:
    b = Builder()
    image = b.tensor((1, 4, 4, 3))
    shape = b.constant([1, 8, 8, 2])
    weights = b.constant(np.ones((2, 2, 2, 3)), "int8", scales=[0.1, 0.1])
    bias = b.constant(np.zeros(2), scales=[0.01])
    output = b.operator("TRANSPOSE_CONV", (shape, weights, image, bias), (b.tensor((1, 8, 8, 2)),), version=3)
    assert checked(b, [image], [output]).cpu == 0


def test_operators_of_tensorflow_itself_fail_the_file() -> None:
    b = Builder()
    image = b.tensor((1, 4))
    output = b.operator("FlexErf", (image,), (b.tensor((1, 4)),))
    result = checked(b, [image], [output])
    assert result.failure == "ERROR: Encountered unresolved custom op: FlexErf."


def test_an_unknown_custom_operator_is_noted_and_a_known_one_is_not() -> None:
    for name, noted in (("PosenetDecoderOp", False), ("Atan", True)):
        b = Builder()
        image = b.tensor((1, 4))
        output = b.operator(name, (image,), (b.tensor((1, 4), "float32"),))
        assert any(name in note for note in checked(b, [image], [output]).notes) == noted


def test_large_activations_are_noted() -> None:
    b = Builder()
    image = b.tensor((1, 1024, 1024, 4))
    output = b.operator("RELU", (image,), (b.tensor((1, 1024, 1024, 4)),))
    assert any("4.0 MiB" in note for note in checked(b, [image], [output]).notes)


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
