import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.estimate.settings import EstimateSettings
from appliance.estimate.study import study_mask, study_reference
from appliance.tune.search import PARTS, Floats, Found, Memory, deal, search
from appliance.tune.space import Space
from tests.estimate.wells import below, calibration, steel, with_chopped

STUDY = Space(EstimateSettings(method="study"), keep=["method"])
PICTURES = [place // 3 for place in range(30)]
LABELS = len(PICTURES)


def found_by(measure: Callable[[EstimateSettings], Floats], **options: int) -> Found[EstimateSettings]:
    values = {"trials": 150, "seed": 3, **options}
    return search(STUDY, Memory(measure), PICTURES, **values)


def off_by_thresh(settings: EstimateSettings) -> Floats:
    """Only the threshold counts, and 180 is best."""
    return np.full(LABELS, abs(settings.thresh - 180) / 255)


@pytest.mark.parametrize("seed", range(5))
def test_a_planted_parameter_is_found(seed: int) -> None:
    space = Space(EstimateSettings(method="study"), keep=["method", "use_percentile"])
    found = search(space, Memory(off_by_thresh), PICTURES, trials=150, seed=seed)
    assert abs(found.best.settings.thresh - 180) <= 2
    assert found.held_out.mean() == pytest.approx(found.best.errors.mean(), abs=0.01)


def test_planted_parameters_of_real_back_projection_are_found() -> None:
    """Labels that settings other than the defaults read from pictures lead back to readings like theirs."""
    full, opening = calibration().full, below(1.0, 1)
    assert full is not None
    trays = [with_chopped(steel(seed), below(level, 1)) for seed, level in enumerate((0.2, 0.4, 0.6, 0.8))]

    def read(settings: EstimateSettings) -> Floats:
        parameters = settings.parameters()
        reference = study_reference(full, opening, parameters)
        masks = [study_mask(tray, opening, reference, parameters) for tray in trays]
        return np.array([np.count_nonzero(mask) / max(reference.area_px, 1) for mask in masks])

    planted = EstimateSettings(method="study", use_channels="S+V", hist_bins=(16, 16), thresh=90)
    truth = read(planted)
    memory = Memory[EstimateSettings](lambda settings: np.abs(read(settings) - truth))
    found = search(STUDY, memory, range(len(truth)), trials=100, seed=1)
    assert found.present.errors.mean() > 0.1
    assert found.best.errors.mean() < 0.02
    assert found.best.settings.use_channels == "S+V"


def test_the_same_seed_searches_the_same_way_and_keeps_to_its_trials() -> None:
    first, again, other = (found_by(off_by_thresh, trials=40, seed=seed) for seed in (1, 1, 2))
    assert [t.settings for t in first.trials] == [t.settings for t in again.trials]
    assert [t.settings for t in first.trials] != [t.settings for t in other.trials]
    assert first.present.settings == STUDY.base
    assert len(first.trials) == len({t.settings for t in first.trials}) <= 40


def test_luck_is_not_taken_for_a_gain() -> None:
    """Of noise, the best of many trials looks good, but not on pictures that did not choose it."""

    def noise(settings: EstimateSettings) -> Floats:
        chance = np.random.default_rng(list(settings.model_dump_json().encode()))
        return chance.uniform(0, 0.4, LABELS)

    found = found_by(noise)
    assert found.best.errors.mean() < 0.16
    assert found.held_out.mean() > found.best.errors.mean() + 0.01


def test_settings_that_cannot_be_used_are_never_the_best() -> None:
    def only_closing(settings: EstimateSettings) -> Floats:
        return off_by_thresh(settings) if settings.morph_op == "close" else np.full(LABELS, np.inf)

    found = found_by(only_closing)
    assert found.best.settings.morph_op == "close"
    assert np.isfinite(found.held_out).all()


def test_a_stop_leaves_the_best_so_far() -> None:
    memory = Memory(off_by_thresh)
    found = search(STUDY, memory, PICTURES, trials=150, seed=1, stop=lambda: len(memory.trials) >= 100)
    assert found.stopped
    assert len(found.trials) == 100
    assert found.best.errors.mean() < found.present.errors.mean()
    early = search(STUDY, Memory(off_by_thresh), PICTURES, trials=150, seed=1, stop=lambda: True)
    assert early.stopped
    assert early.best == early.present
    assert np.array_equal(early.held_out, early.present.errors)


def test_one_picture_can_be_searched_but_not_held_out() -> None:
    found = search(STUDY, Memory(off_by_thresh), [0] * LABELS, trials=40, seed=1)
    assert found.best.errors.mean() < found.present.errors.mean()
    assert np.array_equal(found.held_out, found.present.errors)


def test_a_space_of_one_point_ends_at_once() -> None:
    space = Space(STUDY.base, keep=list(EstimateSettings.model_fields))
    found = search(space, Memory(off_by_thresh), PICTURES, trials=150, seed=1)
    assert len(found.trials) == 1
    assert not found.stopped


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_every_label_is_held_out_once_with_all_of_its_picture(
    pictures: list[int], chance: random.Random
) -> None:
    parts = deal(pictures, chance)
    different = len(set(pictures))
    assert len(parts) == (min(PARTS, different) if different > 1 else 0)
    if parts:
        assert (np.sum(parts, axis=0) == 1).all()
    for part in parts:
        held = {p for p, is_held in zip(pictures, part, strict=True) if is_held}
        assert held.isdisjoint(p for p, is_held in zip(pictures, part, strict=True) if not is_held)
        assert 0 < part.sum() < len(pictures)
