from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.edgetpu.check import Check, check, wider_tensor
from convert.edgetpu.limits import LIMITS
from convert.edgetpu.status import Status
from convert.errors import ModelFileError
from convert.tflite.graph import parse_graph, read_graph
from tests.convert.tflite.models import CONV, Builder, add_conv, small_model

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
    assert wider_tensor(parse_graph(b.pack([image], [output]))) is not None


def test_where_nothing_maps_the_constants_of_the_file_count() -> None:
    b = Builder()
    image = b.tensor((1, 8, 8, 3), "float32")
    weights = b.constant(np.ones((3_000_000, 1, 1, 3)), "float32")
    output = b.operator(
        "CONV_2D",
        (image, weights, b.constant(np.zeros(4), "float32")),
        (b.tensor((1, 8, 8, 4), "float32"),),
        CONV,
    )
    result = checked(b, [image], [output])
    assert result.parameter_bytes == 3_000_000 * 3 * 4 + 4 * 4
    assert not result.fits_on_chip


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


@given(st.integers(1, 70), st.integers(1, 70), st.sampled_from([1, 3]))
def test_parameter_bytes_grow_and_never_lie_below_the_weights(outputs: int, inputs: int, kernel: int) -> None:
    def size(channels: int) -> int:
        b = Builder()
        image = b.tensor((1, 4, 4, inputs))
        return checked(b, [image], [add_conv(b, image, channels, kernel=kernel)]).parameter_bytes

    assert size(outputs) >= outputs * inputs * kernel * kernel + 4 * outputs
    assert size(outputs + 1) > size(outputs)


KINDS = ("RELU", "LOGISTIC", "LEAKY_RELU", "TANH", "HARD_SWISH")


@given(
    st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 20)), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
def test_the_order_of_operators_in_the_file_does_not_matter(
    parts: list[tuple[str, int]], random: Random
) -> None:
    """Each operator reads the image or an earlier result; listed in any order, each is judged the same."""
    b = Builder()
    results = [b.tensor((1, 4))]
    for name, reads in parts:
        results.append(b.operator(name, (results[reads % len(results)],), (b.tensor((1, 4)),)))
    straight = checked(b, results[:1], results[1:])
    random.shuffle(b.operators)
    shuffled = checked(b, results[:1], results[1:])
    judged = [{j.operator.outputs: j.status for j in result.judgements} for result in (straight, shuffled)]
    assert judged[0] == judged[1]
    assert straight.as_json()["operators"] == shuffled.as_json()["operators"]
    assert straight.mapped + straight.cpu == len(parts)
    assert all(bool(j.reason) == (j.status != Status.MAPPED) for j in straight.judgements)


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


WHOLE = small_model()


@given(st.lists(st.tuples(st.integers(8, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=5))
def test_whatever_the_reader_lets_through_is_judged(changes: list[tuple[int, int]]) -> None:
    content = bytearray(WHOLE)
    for place, value in changes:
        content[place] = value
    try:
        graph = parse_graph(bytes(content))
    except ModelFileError:
        return
    result = check(graph)
    assert result.mapped + result.cpu == len(graph.main.operators)


SHAPES = st.lists(st.integers(0, 3), max_size=4)


@given(
    st.sampled_from(sorted(LIMITS)),
    st.lists(st.one_of(SHAPES, st.none()), max_size=4),
    st.lists(SHAPES, max_size=2),
)
def test_operators_of_any_form_are_judged(
    name: str, inputs: list[list[int] | None], outputs: list[list[int]]
) -> None:
    """A list is an activation of that shape, None a constant; nothing has to make sense."""
    b = Builder()
    reads = [b.constant([1, 2]) if shape is None else b.tensor(shape) for shape in inputs]
    writes = [b.tensor(shape) for shape in outputs]
    b.operator(name, reads, writes)
    assert len(checked(b, [], []).judgements) == 1


def test_no_operators_at_all() -> None:
    b = Builder()
    image = b.tensor((1, 4))
    result = checked(b, [image], [image])
    assert (result.mapped, result.cpu, result.subgraphs) == (0, 0, 0)
