from random import Random

from hypothesis import given
from hypothesis import strategies as st

from convert.edgetpu.partition import mapped_operators


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[int, list[int]], set[int]]:
    """Random operators 0..n-1; each reads from some of those before it; some could be mapped."""
    count = draw(st.integers(1, 14))
    feeders = {
        i: draw(st.lists(st.integers(0, i - 1), unique=True, max_size=3)) if i else [] for i in range(count)
    }
    return feeders, draw(st.sets(st.integers(0, count - 1)))


def ancestors(feeders: dict[int, list[int]], operator: int) -> set[int]:
    found: set[int] = set()
    waiting = list(feeders[operator])
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += feeders[one]
    return found


def test_after_the_first_obstacle_everything_stays_on_the_cpu() -> None:
    chain = {0: [], 1: [0], 2: [1], 3: [2]}
    assert mapped_operators(chain, {0, 1, 3}) == {0, 1}


def test_a_branch_beside_the_obstacle_is_mapped() -> None:
    assert mapped_operators({0: [], 1: [0], 2: [0], 3: [1, 2]}, {0, 2, 3}) == {0, 2}


def test_leading_obstacles_are_stepped_over() -> None:
    """CAST and QUANTIZE from float at the beginning of MoveNet."""
    assert mapped_operators({0: [], 1: [0], 2: [1], 3: [2]}, {2, 3}) == {2, 3}


@given(graphs())
def test_it_is_one_partition(graph: tuple[dict[int, list[int]], set[int]]) -> None:
    feeders, able = graph
    mapped = mapped_operators(feeders, able)
    assert mapped <= able
    for operator in feeders:
        above = ancestors(feeders, operator)
        outside = above - mapped
        if operator in mapped:
            # Nothing on the CPU stands between two mapped operators: what is above runs before all of them.
            assert all(not ancestors(feeders, o) & mapped for o in outside)
        elif operator in able:
            # It is kept away by an obstacle that itself waits for the partition.
            assert any(o not in able and ancestors(feeders, o) & able for o in outside)


@given(graphs())
def test_all_that_can_be_mapped_is_mapped_without_obstacles(
    graph: tuple[dict[int, list[int]], set[int]],
) -> None:
    feeders, _ = graph
    assert mapped_operators(feeders, set(feeders)) == set(feeders)
    assert mapped_operators(feeders, set()) == set()


@given(graphs(), st.randoms(use_true_random=False))
def test_the_order_of_listing_does_not_matter(
    graph: tuple[dict[int, list[int]], set[int]], random: Random
) -> None:
    feeders, able = graph
    items = list(feeders.items())
    random.shuffle(items)
    shuffled = {k: list(reversed(v)) for k, v in items}
    assert mapped_operators(shuffled, able) == mapped_operators(feeders, able)
