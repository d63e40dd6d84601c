from collections.abc import Mapping
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.cost.operations import counts, parameter_bytes, work_of
from convert.tflite.graph import read_graph
from convert.tflite.graph_types import Operator, Option, Subgraph, Tensor

PAIRS = Path(__file__).parents[4] / "shared" / "data" / "edgetpu_pairs"

sizes = st.integers(1, 5)


def one_operator(
    name: str,
    inputs: list[tuple[tuple[int, ...], bool]],
    output: tuple[int, ...],
    options: Mapping[str, Option] | None = None,
    dtype: str = "int8",
) -> Subgraph:
    """An operator between tensors of these shapes; those with True are constants."""
    tensors = [
        Tensor(
            number,
            f"t{number}",
            shape,
            shape,
            dtype,
            data=bytes(_count(shape) * (4 if dtype == "float32" else 1)) if constant else None,
        )
        for number, (shape, constant) in enumerate([*inputs, (output, False)])
    ]
    operator = Operator(
        0,
        name,
        is_custom=False,
        version=1,
        inputs=tuple(range(len(inputs))),
        outputs=(len(inputs),),
        options=options or {},
    )
    return Subgraph("main", tuple(tensors), (operator,), (0,), (len(inputs),))


def macs(subgraph: Subgraph) -> int:
    return work_of(subgraph, subgraph.operators[0]).macs


def _count(shape: tuple[int, ...]) -> int:
    return sum(1 for _ in product(*map(range, shape)))


@given(st.tuples(sizes, sizes), st.tuples(sizes, sizes), sizes, sizes)
def test_a_convolution_multiplies_every_weight_of_a_filter_at_every_position(
    size: tuple[int, int], kernel: tuple[int, int], depth: int, filters: int
) -> None:
    (height, width), (kernel_h, kernel_w) = size, kernel
    subgraph = one_operator(
        "CONV_2D",
        [((1, 9, 9, depth), False), ((filters, kernel_h, kernel_w, depth), True)],
        (1, height, width, filters),
    )
    counted = 0
    for _position in product(range(height), range(width)):
        for _filter in range(filters):
            counted += kernel_h * kernel_w * depth
    assert macs(subgraph) == counted


@given(sizes, sizes, sizes, st.integers(1, 3))
def test_a_depthwise_convolution_sees_one_channel(
    side: int, kernel: int, depth: int, multiplier: int
) -> None:
    out = depth * multiplier
    subgraph = one_operator(
        "DEPTHWISE_CONV_2D",
        [((1, 9, 9, depth), False), ((1, kernel, kernel, out), True)],
        (1, side, side, out),
    )
    assert macs(subgraph) == side * side * out * kernel * kernel
    assert work_of(subgraph, subgraph.operators[0]).kind == "depthwise"


def test_grouped_convolutions_count_the_channels_of_a_group() -> None:
    subgraph = one_operator("CONV_2D", [((1, 4, 4, 8), False), ((6, 3, 3, 4), True)], (1, 4, 4, 6))
    assert macs(subgraph) == 16 * 6 * 9 * 4


def test_matrix_products() -> None:
    dense = one_operator("FULLY_CONNECTED", [((2, 30), False), ((7, 30), True)], (2, 7))
    assert macs(dense) == 2 * 7 * 30
    batch = one_operator("BATCH_MATMUL", [((4, 2, 5), False), ((4, 5, 3), False)], (4, 2, 3))
    assert macs(batch) == 4 * 2 * 3 * 5
    swapped = one_operator(
        "BATCH_MATMUL", [((4, 2, 5), False), ((4, 3, 5), False)], (4, 2, 3), {"adj_y": True}
    )
    assert macs(swapped) == 4 * 2 * 3 * 5


def test_a_transposed_convolution_spreads_every_input_value() -> None:
    subgraph = one_operator(
        "TRANSPOSE_CONV", [((4,), True), ((6, 3, 3, 8), True), ((1, 5, 5, 8), False)], (1, 10, 10, 6)
    )
    assert macs(subgraph) == 25 * 8 * 9 * 6


@pytest.mark.parametrize("name", ["ADD", "RESIZE_BILINEAR", "CONCATENATION", "some-custom-op"])
def test_other_operators_count_elements(name: str) -> None:
    subgraph = one_operator(
        name, [((1, 4, 4, 2), False), ((1, 4, 4, 2), False)], (1, 4, 4, 2), dtype="float32"
    )
    work = work_of(subgraph, subgraph.operators[0])
    assert (work.kind, work.macs, work.elements, work.moved_bytes) == ("other", 0, 32, 3 * 32 * 4)
    assert not work.quantised


def test_a_reshape_moves_nothing() -> None:
    subgraph = one_operator("RESHAPE", [((1, 4, 4, 2), False), ((2,), True)], (1, 32))
    work = work_of(subgraph, subgraph.operators[0])
    assert (work.macs, work.elements, work.moved_bytes) == (0, 0, 0)


def test_a_tensor_that_is_read_twice_moves_once() -> None:
    subgraph = one_operator("ADD", [((1, 8), False)], (1, 8))
    squared = Operator(0, "MUL", is_custom=False, version=1, inputs=(0, 0), outputs=(1,))
    assert work_of(subgraph, squared).moved_bytes == 16


@given(
    st.sampled_from(["CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED", "BATCH_MATMUL"]),
    st.lists(st.lists(sizes, max_size=5).map(tuple), max_size=3),
)
def test_shapes_that_do_not_belong_there_are_no_error(name: str, shapes: list[tuple[int, ...]]) -> None:
    subgraph = one_operator(name, [(shape, False) for shape in shapes], (1, 2))
    assert macs(subgraph) >= 0


def test_a_shared_constant_counts_once() -> None:
    subgraph = one_operator("CONV_2D", [((1, 4, 4, 2), False), ((2, 1, 1, 2), True)], (1, 4, 4, 2))
    again = Operator(1, "CONV_2D", is_custom=False, version=1, inputs=(2, 1), outputs=(0,))
    twice = Subgraph("main", subgraph.tensors, (subgraph.operators[0], again), (0,), (0,))
    assert parameter_bytes(twice, (0, 1)) == parameter_bytes(twice, (1,)) == 4
    assert counts(twice) == {"CONV_2D": 2}


@pytest.mark.skipif(not PAIRS.exists(), reason="no ../shared/data")
def test_a_public_model_has_the_macs_of_its_paper() -> None:
    # MobileNets (Howard et al. 2017), table 7, scaled to 128 pixels; the model zoo lists 14 million.
    main = read_graph(PAIRS / "mobilenet_v1_0.25_128_quant.tflite").main
    total = sum(work_of(main, operator).macs for operator in main.operators)
    assert round(total / 1e6) == 14
    # 0.47 million weights at one byte, and biases at four.
    assert parameter_bytes(main, range(len(main.operators))) == pytest.approx(0.48e6, rel=0.01)
