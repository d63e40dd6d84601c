"""How agreement is measured: known values, bounds, and what must not matter."""

from typing import get_args

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from appliance.inference.manifest import Meaning
from convert.networks.spec import QUANTITY_FRACTIONS
from convert.parity import metrics as m

Maps = npt.NDArray[np.float32]
FEW = settings(max_examples=40)
"""Drawing an array costs far more than judging it."""

COARSE = st.integers(-100, 100).map(float)
"""Whole numbers: no two values so close that float32 cannot tell them apart after scaling."""

MAP = hnp.arrays(np.float32, (5, 6), elements=COARSE)
SCORES = hnp.arrays(np.float32, (3, 4, 4), elements=st.floats(-20, 20, width=32))
VECTOR = hnp.arrays(np.float32, (5,), elements=st.floats(-20, 20, width=32))
OUTPUT: dict[Meaning, tuple[int, ...]] = {
    "inverse_depth": (5, 6, 1),
    "segmentation": (3, 4, 4),
    "quantity": (5,),
}


def varied(values: Maps) -> Maps:
    assume(not m.is_constant(values))
    return values


@FEW
@given(MAP.map(varied), st.floats(0.01, 100), st.floats(-1000, 1000))
def test_scale_and_shift_of_depth_do_not_matter(depth: Maps, scale: float, shift: float) -> None:
    moved = scale * depth.astype(np.float64) + shift
    assert m.aligned_error(moved, depth) == pytest.approx(0, abs=1e-6)
    assert m.area_error(moved, depth) == pytest.approx(0, abs=1e-6)
    assert m.correlation(moved, depth) == pytest.approx(1)
    assert m.rank_correlation(moved, depth) == pytest.approx(1)
    found_scale, found_shift = m.align(moved, depth)
    np.testing.assert_allclose(found_scale * moved + found_shift, depth, atol=1e-3)


@FEW
@given(MAP, MAP, st.floats(0.01, 100), st.floats(-1000, 1000))
def test_errors_stay_when_the_estimate_is_moved(a: Maps, b: Maps, scale: float, shift: float) -> None:
    moved = scale * a.astype(np.float64) + shift
    for metric in (m.aligned_error, m.area_error, m.correlation, m.rank_correlation):
        assert metric(moved, b) == pytest.approx(metric(a, b), abs=1e-6)


@FEW
@given(MAP, MAP)
def test_what_is_symmetric(a: Maps, b: Maps) -> None:
    for metric in (m.aligned_error, m.correlation, m.rank_correlation):
        assert metric(a, b) == pytest.approx(metric(b, a), abs=1e-12)


@FEW
@given(MAP, MAP)
def test_the_aligned_error_is_the_least_squares_residual(a: Maps, b: Maps) -> None:
    varied(a)
    varied(b)
    scale, shift = m.align(a, b)
    residual = scale * a.astype(np.float64) + shift - b
    expected = np.sqrt(np.mean(residual**2)) / np.std(b, dtype=np.float64)
    assert m.aligned_error(a, b) == pytest.approx(expected, abs=1e-6)


@FEW
@given(MAP, MAP, st.integers(0, 2**32 - 1))
def test_no_other_scale_and_shift_is_better(a: Maps, b: Maps, seed: int) -> None:
    scale, shift = m.align(a, b)
    best = np.mean((scale * a.astype(np.float64) + shift - b) ** 2)
    rng = np.random.default_rng(seed)
    for other_scale, other_shift in zip(scale + rng.normal(size=9), shift + rng.normal(size=9), strict=True):
        other = np.mean((abs(other_scale) * a.astype(np.float64) + other_shift - b) ** 2)
        assert other >= best - 1e-9 * abs(best)


@pytest.mark.parametrize("meaning", get_args(Meaning))
@FEW
@given(data=st.data())
def test_every_metric_is_within_0_and_1(meaning: Meaning, data: st.DataObject) -> None:
    numbers = st.floats(width=32, allow_nan=True, allow_infinity=True)
    arrays = hnp.arrays(np.float32, OUTPUT[meaning], elements=numbers)
    with np.errstate(all="raise", under="ignore"):
        found = m.compare_outputs(meaning, data.draw(arrays), data.draw(arrays))
    assert tuple(found) == m.METRICS[meaning]
    assert all(0 <= value <= 1 for value in found.values())


@pytest.mark.parametrize("meaning", get_args(Meaning))
@FEW
@given(data=st.data())
def test_an_output_agrees_fully_with_itself(meaning: Meaning, data: st.DataObject) -> None:
    array = data.draw(
        hnp.arrays(np.float32, OUTPUT[meaning], elements=st.floats(-(2.0**100), 2.0**100, width=32))
    )
    found = m.compare_outputs(meaning, array, array)
    found.pop("informative", None)
    for name, value in found.items():
        assert value == pytest.approx(float(name in m.HIGHER_IS_BETTER), abs=1e-7), name


@pytest.mark.parametrize("meaning", get_args(Meaning))
@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_one_number_that_is_none_spoils_the_output(meaning: Meaning, broken: float) -> None:
    good = np.random.default_rng(0).random(OUTPUT[meaning], np.float32)
    bad = good.copy()
    bad.flat[3] = broken
    for estimate, reference in ((bad, good), (good, bad), (bad, bad)):
        found = m.compare_outputs(meaning, estimate, reference)
        assert found == {name: float(name not in m.HIGHER_IS_BETTER) for name in m.METRICS[meaning]}


def test_constant_maps() -> None:
    flat = np.full((8, 8, 1), 3.3, np.float32)
    slope = np.arange(64, dtype=np.float32).reshape(8, 8, 1)
    same = m.compare_outputs("inverse_depth", flat * 2, flat)
    assert (same["aligned_error"], same["area_error"], same["rank_correlation"]) == (0, 0, 1)
    assert same["raw_difference"] == 1
    assert same["informative"] == 0
    for estimate, reference in ((flat, slope), (slope, flat)):
        other = m.compare_outputs("inverse_depth", estimate, reference)
        assert (other["aligned_error"], other["area_error"], other["rank_correlation"]) == (1, 1, 0)


def test_an_inverted_map_is_as_bad_as_none() -> None:
    slope = np.arange(64, dtype=np.float32).reshape(8, 8)
    assert m.correlation(-slope, slope) == pytest.approx(-1)
    assert m.align(-slope, slope) == (0, pytest.approx(31.5))
    found = m.compare_outputs("inverse_depth", -slope[..., None], slope[..., None])
    assert found["aligned_error"] == 1
    assert found["rank_correlation"] == 0


def test_known_correlations() -> None:
    a, b = np.array([[1.0, 2, 3, 4]]), np.array([[1.0, 3, 2, 4]])
    assert m.rank_correlation(a, b) == pytest.approx(0.8)
    assert m.correlation(a, b) == pytest.approx(0.8)
    assert m.aligned_error(a, b) == pytest.approx(0.6)
    # Ranks 1.5, 1.5, 3, 4 against 1, 2, 3, 4; Pearson of those is 4.5 / sqrt(4.5 * 5).
    assert m.rank_correlation(np.array([[7.0, 7, 8, 9]]), a) == pytest.approx(4.5 / np.sqrt(22.5))


@FEW
@given(MAP)
def test_ranks_do_not_change_with_the_curve(depth: Maps) -> None:
    curved = np.exp(depth.astype(np.float64) / 100)
    assert m.rank_correlation(curved, depth) == pytest.approx(1)


def test_pixel_noise_hardly_moves_areas_but_a_dent_does() -> None:
    rng = np.random.default_rng(0)
    scene = np.kron(rng.uniform(0, 1, (8, 8)), np.ones((16, 16)))
    noisy = scene + 0.2 * rng.standard_normal(scene.shape)
    dented = scene.copy()
    dented[:32, :32] += 0.8
    assert m.aligned_error(noisy, scene) > 0.4
    assert m.area_error(noisy, scene) < 0.02
    assert m.area_error(dented, scene) > 0.05


def test_area_error_is_what_a_cell_is_off_by() -> None:
    scene = np.tile(np.arange(16.0).reshape(4, 4).repeat(8, axis=0).repeat(8, axis=1), 1)
    wrong = scene.copy()
    wrong[0:8, 8:16] += 1.0
    low, high = np.percentile(scene, (5, 95))
    # One of sixteen cells is off by 1; aligning the others takes up some of it.
    assert m.area_error(wrong, scene) == pytest.approx(2 / 16 / (high - low), rel=0.15)


@FEW
@given(MAP.map(varied))
def test_raw_difference_sees_scale_and_shift(depth: Maps) -> None:
    deviation = float(np.std(depth, dtype=np.float64))
    assert m.raw_difference(depth + 0.25 * deviation, depth) == pytest.approx(0.25, rel=1e-3)
    assert m.raw_difference(depth * 1000 + 7, depth) > 0.5


def test_confusion_and_iou_by_hand() -> None:
    reference = np.eye(3, dtype=np.float32)[[[0, 0, 1, 1]]]
    estimate = np.eye(3, dtype=np.float32)[[[0, 1, 1, 1]]]
    confusion = m.confusion_matrix(estimate, reference)
    assert confusion.tolist() == [[1, 1, 0], [0, 2, 0], [0, 0, 0]]
    # Class 0: 1 of 2; class 1: 2 of 3; class 2 does not occur and does not count.
    assert m.mean_iou(confusion) == pytest.approx((1 / 2 + 2 / 3) / 2)


@FEW
@given(SCORES, SCORES)
def test_segmentation_is_symmetric(a: Maps, b: Maps) -> None:
    one, other = m.compare_outputs("segmentation", a, b), m.compare_outputs("segmentation", b, a)
    for name in ("agreement", "miou", "confidence_difference"):
        assert one[name] == pytest.approx(other[name])


@FEW
@given(st.integers(0, 2**32 - 1), st.permutations(range(4)))
def test_permuted_classes_agree_only_where_they_stay(seed: int, order: list[int]) -> None:
    scores = np.random.default_rng(seed).normal(size=(6, 7, 4))
    stays = np.isin(scores.argmax(axis=-1), [place for place, source in enumerate(order) if place == source])
    found = m.compare_outputs("segmentation", scores[..., order], scores)
    assert found["agreement"] == pytest.approx(stays.mean())
    assert found["confidence_difference"] == pytest.approx(0, abs=1e-9)


@FEW
@given(VECTOR, st.floats(-50, 50))
def test_softmax_sums_to_one_and_ignores_a_shift(scores: Maps, shift: float) -> None:
    assert m.softmax(scores).sum() == pytest.approx(1)
    np.testing.assert_allclose(m.softmax(scores), m.softmax(scores.astype(np.float64) + shift), atol=1e-9)


def test_quantity_by_hand() -> None:
    for place, fraction in enumerate(QUANTITY_FRACTIONS):
        sure = np.full(5, -50, np.float32)
        sure[place] = 50
        assert m.expected_fraction(sure) == pytest.approx(fraction)
    undecided = np.zeros(5, np.float32)
    found = m.compare_outputs("quantity", undecided, sure)
    assert found["fraction_difference"] == pytest.approx(0.4)
    assert found["confidence_difference"] == pytest.approx(0.8)
    assert found["agreement"] == 0
