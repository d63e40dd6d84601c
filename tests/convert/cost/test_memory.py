from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from convert.cost.memory import Life, arena_bytes, live_bytes, lives, placed
from convert.tflite.graph import parse_graph
from convert.tflite.graph_types import Operator, Subgraph, Tensor
from tests.convert.cost.models import two_convolutions

some_lives = st.lists(
    st.tuples(st.integers(1, 5000), st.integers(0, 12), st.integers(0, 6)), max_size=14
).map(lambda found: [Life(i, size, first, first + more) for i, (size, first, more) in enumerate(found)])


@given(some_lives)
def test_what_lives_at_the_same_time_does_not_overlap(kept: list[Life]) -> None:
    found = placed(kept)
    assert sorted(life.index for life, _ in found) == [life.index for life in kept]
    for (one, begin), (other, start) in combinations(found, 2):
        apart = begin + one.size <= start or start + other.size <= begin
        assert apart or not one.meets(other)
    assert all(offset >= 0 and offset % 64 == 0 for _, offset in found)


@given(some_lives)
def test_an_arena_holds_what_lives_and_not_more_than_everything(kept: list[Life]) -> None:
    assert live_bytes(kept) <= arena_bytes(kept) <= sum(life.size + 63 for life in kept)
    busiest = max(
        (sum(life.size for life in kept if life.first <= step <= life.last) for step in range(20)), default=0
    )
    assert live_bytes(kept) == busiest


@given(some_lives.filter(bool))
def test_memory_is_used_again_when_nothing_meets(kept: list[Life]) -> None:
    apart = [Life(life.index, life.size, 2 * n, 2 * n + 1) for n, life in enumerate(kept)]
    largest = max(life.size for life in apart)
    assert largest <= arena_bytes(apart) < largest + 64


def test_a_small_tensor_fills_the_gap_that_fits_best() -> None:
    # 0 and 2 stay; between them lies room that 1 gives back before 3 comes.
    kept = [Life(0, 640, 0, 9), Life(1, 128, 0, 1), Life(2, 256, 0, 9), Life(3, 100, 5, 9)]
    offsets = {life.index: offset for life, offset in placed(kept)}
    assert offsets[3] == offsets[1]
    assert arena_bytes(kept) == 640 + 128 + 256


def test_activations_of_a_chain() -> None:
    kept = lives(parse_graph(two_convolutions()).main)
    # 8x8x3 in, 8x8x16 between, 8x8x4 out.
    assert [(life.size, life.first, life.last) for life in kept] == [(192, 0, 0), (1024, 0, 1), (256, 1, 2)]
    assert live_bytes(kept) == 1024 + 256
    assert arena_bytes(kept) == 1024 + 256


def test_variables_inputs_and_outputs_live_as_long_as_they_have_to() -> None:
    def tensor(index: int, **fields: bool) -> Tensor:
        return Tensor(index, "", (8,), (8,), "int8", **fields)

    tensors = (tensor(0), tensor(1), tensor(2, is_variable=True), tensor(3), tensor(4))
    operators = (
        Operator(0, "A", is_custom=False, version=1, inputs=(0, -1), outputs=(1,)),
        Operator(1, "B", is_custom=False, version=1, inputs=(1, 2), outputs=(3,)),
    )
    kept = {
        life.index: (life.first, life.last) for life in lives(Subgraph("", tensors, operators, (0,), (1, 3)))
    }
    # Tensor 1 is an output too, so it stays to the end; nothing touches tensor 4.
    assert kept == {0: (0, 0), 1: (0, 2), 2: (0, 2), 3: (1, 2)}
