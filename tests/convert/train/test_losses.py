"""The losses ignore what they are meant to ignore, and nothing else."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from convert.train.losses import (
    absolute_error,
    aligned,
    class_weights,
    difference_error,
    gradient_error,
    overlap_error,
    shift_and_scale,
    trimmed_error,
    weighted_cross_entropy,
)

seeds = st.integers(0, 2**31)


def maps(seed: int, count: int = 2, side: int = 16) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(count, side, side)))


def mask(seed: int, count: int = 2, side: int = 16) -> Tensor:
    drawn = np.random.default_rng((seed, 1)).random((count, side, side)) < 0.7
    drawn[:, 0, 0] = True
    return torch.from_numpy(drawn)


@given(seeds, st.floats(0.1, 10), st.floats(-20, 20))
@settings(max_examples=30, deadline=None)
def test_depth_losses_do_not_see_scale_and_shift(seed: int, scale: float, shift: float) -> None:
    predicted, target, valid = maps(seed), maps(seed + 1), mask(seed)
    truth = aligned(target, valid)
    for loss in (trimmed_error, gradient_error):
        plain = loss(aligned(predicted, valid), truth, valid)
        moved = loss(aligned(predicted * scale + shift, valid), truth, valid)
        assert float(moved) == pytest.approx(float(plain), rel=1e-6)
        assert float(loss(aligned(target * scale + shift, valid), truth, valid)) == pytest.approx(0, abs=1e-6)
    assert float(absolute_error(target * scale + shift, target, valid)) > 0 or (scale, shift) == (1, 0)


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_masked_pixels_change_nothing(seed: int) -> None:
    predicted, target, valid = maps(seed), maps(seed + 1), mask(seed)
    spoiled = torch.where(valid, predicted, 1e3 * maps(seed + 2))
    for loss in (trimmed_error, gradient_error, absolute_error):
        assert float(loss(spoiled, target, valid)) == float(loss(predicted, target, valid))
    assert torch.equal(aligned(spoiled, valid)[valid], aligned(predicted, valid)[valid])


@given(seeds, st.floats(-5, 5))
@settings(max_examples=20, deadline=None)
def test_gradients_see_edges_but_no_offset(seed: int, offset: float) -> None:
    predicted, valid = maps(seed), torch.ones(2, 16, 16, dtype=torch.bool)
    assert float(gradient_error(predicted + offset, predicted, valid)) == pytest.approx(0, abs=1e-9)
    edge = predicted.clone()
    edge[:, :, 8:] += 1
    # One step of 1 across every row, of as many columns as each scale has.
    assert float(gradient_error(edge, predicted, valid)) == pytest.approx(1 / 16 + 1 / 8 + 1 / 4 + 1 / 2)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_differences_do_not_see_what_both_pictures_of_a_pair_have_wrong(seed: int) -> None:
    target, valid = maps(seed, 4), torch.ones(4, 16, 16, dtype=torch.bool)
    shared = maps(seed + 1, 2).repeat_interleave(2, 0)
    food = mask(seed, 4)
    assert float(difference_error(target + shared, target, valid, food)) == pytest.approx(0, abs=1e-9)
    spoiled = torch.where(mask(seed + 2, 4), target, 1e3)
    assert float(difference_error(spoiled, target, mask(seed + 2, 4), food)) == 0


def test_differences_are_errors_of_height_per_pixel_of_food_and_relief_cancels() -> None:
    target, valid = torch.zeros(2, 16, 16), torch.ones(2, 16, 16, dtype=torch.bool)
    food = torch.zeros(2, 16, 16, dtype=torch.bool)
    food[1, :8] = True
    higher = target.clone()
    higher[1, :8] = 0.3
    assert float(difference_error(higher, target, valid, food)) == pytest.approx(0.3)
    rough = target.clone()
    rough[1, :8:2], rough[1, 1:8:2] = 0.3, -0.3
    assert float(difference_error(rough, target, valid, food)) == pytest.approx(0, abs=1e-6)
    nothing = torch.zeros_like(food)
    assert float(difference_error(higher, target, valid, nothing)) == pytest.approx(0.15 / 0.01)


def test_a_fifth_of_the_residuals_is_left_out() -> None:
    target = torch.zeros(1, 1, 10)
    predicted = torch.tensor([[[1.0, 1, 1, 1, 1, 1, 1, 1, 100, 1000]]])
    valid = torch.ones(1, 1, 10, dtype=torch.bool)
    assert float(trimmed_error(predicted, target, valid)) == pytest.approx(8 / 20)


def test_shift_is_the_median_and_scale_the_mean_deviation() -> None:
    values = torch.tensor([[[1.0, 2.0, 6.0, 99.0]]])
    shift, scale = shift_and_scale(values, torch.tensor([[[True, True, True, False]]]))
    assert (float(shift), float(scale)) == (2.0, pytest.approx(5 / 3))


def test_a_picture_without_a_valid_pixel_counts_nothing() -> None:
    none = torch.zeros(1, 16, 16, dtype=torch.bool)
    predicted = maps(3, 1).requires_grad_()
    ours = aligned(predicted, none)
    total = trimmed_error(ours, maps(4, 1), none) + gradient_error(ours, maps(4, 1), none)
    total = total + absolute_error(predicted, maps(4, 1), none)
    torch.autograd.backward(total)
    assert float(total.detach()) == 0
    assert predicted.grad is not None
    assert bool((predicted.grad == 0).all())


@given(st.lists(st.integers(0, 10**6), min_size=7, max_size=7))
@settings(deadline=None)
def test_rarer_classes_weigh_no_less(counts: list[int]) -> None:
    weights = class_weights(torch.tensor(counts)).tolist()
    assert all(0.29 < weight <= 5 for weight in weights)
    if any(counts):
        ordered = [weight for _, weight in sorted(zip(counts, weights, strict=True))]
        assert all(later <= earlier + 1e-6 for earlier, later in pairwise(ordered))


def test_pixels_outside_the_picture_teach_no_class() -> None:
    scores = torch.randn(1, 7, 4, 4, generator=torch.Generator().manual_seed(0))
    classes = torch.full((1, 4, 4), 255)
    classes[0, 0, 0] = 3
    spoiled = scores.clone()
    spoiled[0, :, 1:] = 50.0
    weights = torch.ones(7)
    assert float(weighted_cross_entropy(scores, classes, weights, 255)) == pytest.approx(
        float(weighted_cross_entropy(spoiled, classes, weights, 255))
    )


def test_overlap_is_0_for_sure_and_right_scores_and_1_for_wrong_ones() -> None:
    classes = torch.randint(0, 3, (2, 8, 8), generator=torch.Generator().manual_seed(0))
    sure = 40.0 * torch.nn.functional.one_hot(classes, 4).permute(0, 3, 1, 2)
    assert float(overlap_error(sure, classes, 255)) == pytest.approx(0, abs=1e-5)
    wrong = sure.roll(1, dims=1)
    assert float(overlap_error(wrong, classes, 255)) == pytest.approx(1, abs=1e-5)
    unseen = classes.clone()
    unseen[:, :4] = 255
    spoiled = torch.cat([wrong[:, :, :4], sure[:, :, 4:]], dim=2)
    assert float(overlap_error(spoiled, unseen, 255)) == pytest.approx(0, abs=1e-5)


def test_a_rare_class_overlaps_with_as_much_weight_as_a_common_one() -> None:
    classes = torch.zeros(1, 8, 8, dtype=torch.int64)
    classes[:, 0, 0] = 1
    missed = torch.zeros(1, 2, 8, 8)
    missed[:, 0] = 40.0
    assert float(overlap_error(missed, classes, 255)) == pytest.approx(0.5, abs=0.01)
    assert float(overlap_error(missed, torch.full_like(classes, 255), 255)) == 0
