import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from appliance.tune.gain import LEAST_PICTURES, gain

PICTURES = [place // 5 for place in range(60)]
CHANCE = np.random.default_rng(5)
NOISE = CHANCE.uniform(0, 0.2, len(PICTURES))


def test_a_clear_gain_is_significant_and_its_interval_holds_it() -> None:
    found = gain(NOISE + 0.1, CHANCE.permutation(NOISE), PICTURES, seed=1)
    assert found.low < found.gain < found.high
    assert abs(found.gain - 0.1) < 0.05
    assert found.significant


def test_noise_is_not() -> None:
    found = gain(NOISE, CHANCE.permutation(NOISE), PICTURES, seed=1)
    assert found.low < 0 < found.high
    assert not found.significant


def test_few_pictures_prove_nothing() -> None:
    few = [place % (LEAST_PICTURES - 1) for place in range(60)]
    found = gain(NOISE + 0.5, NOISE, few, seed=1)
    assert found.low > 0
    assert not found.significant


def test_wells_of_one_picture_count_as_one_witness() -> None:
    """Ten wells that gain together because their picture does are no ten gains."""
    by_picture = np.repeat(CHANCE.normal(0.02, 0.1, 12), 10)
    after = np.full(120, 0.1)
    together = gain(after + by_picture, after, [place // 10 for place in range(120)], seed=1)
    apart = gain(after + by_picture, after, list(range(120)), seed=1)
    assert together.high - together.low > 2 * (apart.high - apart.low)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(0, 5)), min_size=1, max_size=30))
def test_the_interval_lies_within_what_pictures_show(labels: list[tuple[float, float, int]]) -> None:
    before, after = np.array([b for b, _, _ in labels]), np.array([a for _, a, _ in labels])
    pictures = [p for _, _, p in labels]
    of_picture = [
        float((before - after)[np.array(pictures) == number].mean()) for number in sorted(set(pictures))
    ]
    found = gain(before, after, pictures, seed=0)
    assert min(of_picture) - 1e-9 <= found.low <= found.high <= max(of_picture) + 1e-9
    assert found.pictures == len(set(pictures))
