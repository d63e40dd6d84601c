import struct
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.errors import ModelFileError
from convert.tflite import graph
from convert.tflite.graph import parse_graph, read_graph
from convert.tflite.graph_types import Graph
from tests.convert.tflite.models import Builder, add_conv, small_model

SMALL = small_model()
PAIRS = Path(__file__).parents[4] / "shared/data/edgetpu_pairs"


def one_line(error: BaseException) -> str:
    text = str(error)
    assert "\n" not in text
    assert len(text) < 300
    return text


def test_what_the_file_says_is_what_the_graph_says() -> None:
    read = parse_graph(SMALL)
    assert read.file_bytes == len(SMALL)
    assert read.description == "built by a test"
    main = read.main
    conv, resize, arg_max = main.operators
    assert [o.name for o in main.operators] == ["CONV_2D", "RESIZE_BILINEAR", "ARG_MAX"]
    assert conv.options["padding"] == "SAME"
    assert conv.options["fused_activation_function"] == "NONE"
    assert conv.options["dilation_w_factor"] == 1
    assert resize.options["half_pixel_centers"] is True
    assert resize.version == 3
    image, weights, bias = main.inputs_of(conv)
    assert image is not None
    assert weights is not None
    assert bias is not None
    assert (image.name, image.shape, image.signature, image.dtype) == (
        "image",
        (1, 4, 4, 3),
        (-1, 4, 4, 3),
        "int8",
    )
    assert image.is_dynamic
    assert not image.is_constant
    assert weights.quantisation is not None
    assert weights.quantisation.per_channel
    assert weights.quantisation.scales == pytest.approx((0.01, 0.01))
    assert bias.size_bytes == 8
    size = main.inputs_of(resize)[1]
    assert size is not None
    np.testing.assert_array_equal(size.values(), [8, 8])
    assert [o.name for o in main.feeders(arg_max)] == ["RESIZE_BILINEAR"]
    assert [main.tensors[i].dtype for i in main.outputs] == ["int64"]


def test_a_custom_operator_keeps_its_name_and_options() -> None:
    b = Builder()
    source, result = b.tensor((1, 4)), b.tensor((1, 4))
    b.operator("edgetpu-custom-op", (source, -1), (result,), custom=b"\x01\x02")
    (operator,) = parse_graph(b.pack([source], [result])).operators
    assert (operator.name, operator.is_custom, operator.custom_options) == (
        "edgetpu-custom-op",
        True,
        b"\1\2",
    )
    assert operator.inputs == (0, -1)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty file"),
        (b"TFL3", "not a TFLite model"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "not a TFLite model"),
        (SMALL[:-200], "damaged"),
        (struct.pack("<I", 1 << 30) + SMALL[4:], "damaged"),
    ],
)
def test_other_and_broken_files_are_one_line(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=says) as caught:
        read_graph(path)
    assert one_line(caught.value).startswith(str(path))


def test_missing_files_and_folders_are_one_line(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.tflite", Path("/dev/zero")):
        with pytest.raises(ModelFileError) as caught:
            read_graph(path)
        assert one_line(caught.value).startswith(str(path))


def test_operators_that_wait_for_each_other_are_refused() -> None:
    b = Builder()
    one, other = b.tensor((1, 4)), b.tensor((1, 4))
    b.operator("RELU", (one,), (other,))
    b.operator("RELU", (other,), (one,))
    with pytest.raises(ModelFileError, match="circle"):
        parse_graph(b.pack([one], [other]))


def test_two_writers_of_one_tensor_are_refused() -> None:
    b = Builder()
    source, result = b.tensor((1, 4)), b.tensor((1, 4))
    b.operator("RELU", (source,), (result,))
    b.operator("TANH", (source,), (result,))
    with pytest.raises(ModelFileError, match="same tensor"):
        parse_graph(b.pack([source], [result]))


def test_a_constant_must_fill_its_shape() -> None:
    b = Builder()
    source = b.tensor((1, 4))
    short = b.tensor((1, 4), data=b"\0\0\0")
    result = b.operator("ADD", (source, short), (b.tensor((1, 4)),))
    with pytest.raises(ModelFileError, match="3 bytes"):
        parse_graph(b.pack([source], [result]))


def test_indices_out_of_range_are_refused() -> None:
    b = Builder()
    source, result = b.tensor((1, 4)), b.tensor((1, 4))
    b.operator("RELU", (source + 7,), (result,))
    with pytest.raises(ModelFileError, match="operator 0 names a tensor"):
        parse_graph(b.pack([source], [result]))


def parsed_or_refused(content: bytes) -> Graph | None:
    try:
        graph = parse_graph(content)
    except ModelFileError as error:
        one_line(error)
        return None
    for subgraph in graph.subgraphs:  # whatever was let through can be walked without a fault
        for operator in subgraph.operators:
            assert len(subgraph.inputs_of(operator)) == len(operator.inputs)
            assert len(subgraph.outputs_of(operator)) == len(operator.outputs)
        for tensor in subgraph.tensors:
            assert tensor.elements >= 0
            tensor.values()
    return graph


@given(st.integers(0, len(SMALL)))
def test_cut_off_anywhere(length: int) -> None:
    parsed_or_refused(SMALL[:length])


@given(st.lists(st.tuples(st.integers(8, len(SMALL) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_bytes_overwritten_anywhere(changes: list[tuple[int, int]]) -> None:
    content = bytearray(SMALL)
    for place, value in changes:
        content[place] = value
    parsed_or_refused(bytes(content))


@given(st.integers(2, len(SMALL) // 4 - 1), st.integers(0, 2**32 - 1))
def test_offsets_and_lengths_overwritten_anywhere(word: int, value: int) -> None:
    content = bytearray(SMALL)
    content[4 * word : 4 * word + 4] = struct.pack("<I", value)
    parsed_or_refused(bytes(content))


@given(st.binary(max_size=400))
def test_noise_behind_the_mark(noise: bytes) -> None:
    parsed_or_refused(b"\x10\0\0\0TFL3" + noise)


def test_parts_shared_by_thousands_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file whose 10,000 subgraphs are one and the same table of 100 operators."""
    monkeypatch.setattr(graph, "_PARTS_LIMIT", 5000)
    b = Builder()
    tensor = b.tensor((1, 4))
    for _ in range(100):
        tensor = b.operator("RELU", (tensor,), (b.tensor((1, 4)),))
    content = b.pack([0], [tensor], copies=10_000)
    with pytest.raises(ModelFileError, match="more parts"):
        parse_graph(content)


@pytest.mark.skipif(not PAIRS.exists(), reason="needs ../shared/data")
def test_public_models_are_read() -> None:
    graph = read_graph(PAIRS / "movenet_single_pose_lightning_ptq.tflite")
    names = Counter(o.name for o in graph.operators)
    assert len(graph.operators) == 157
    assert (names["CONV_2D"], names["DEPTHWISE_CONV_2D"], names["RESIZE_BILINEAR"]) == (50, 24, 3)
    compiled = read_graph(PAIRS / "mobilenet_v1_0.25_128_quant_edgetpu.tflite")
    assert [o.name for o in compiled.operators] == ["edgetpu-custom-op"]
    assert len(compiled.operators[0].custom_options) == 778324


def test_a_convolution_of_the_builder_is_what_it_should_be() -> None:
    b = Builder()
    image = b.tensor((1, 8, 8, 3), "uint8")
    out = add_conv(b, image, 4, dtype="uint8")
    (operator,) = parse_graph(b.pack([image], [out])).operators
    assert operator.options["stride_w"] == 1
