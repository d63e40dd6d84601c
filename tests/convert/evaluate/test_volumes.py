"""Errors of leftovers: known answers, and what holds for any."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.estimate.estimate import Estimate
from convert.evaluate.estimators import ALONE, Column
from convert.evaluate.trays import Kind, WellTruth
from convert.evaluate.volumes import Row, errors, tray_errors, volumes

OTHER = Column("int8", "depth")


def row(
    true: float,
    read: float,
    *,
    tray: str = "a",
    kind: Kind = "solid",
    full_cm3: float = 100.0,
    sigma: float = 0.1,
    complications: tuple[str, ...] = ("plain",),
) -> Row:
    well = WellTruth(1, kind, true, "level", full_cm3)
    estimate = Estimate(read, sigma, 1.0)
    return Row("synthetic", "one", tray, complications, well, {ALONE: estimate, OTHER: Estimate(0, 0, 0)})


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(-0.5, 0.5))
def test_a_shift_is_bias_and_error(truths: list[float], shift: float) -> None:
    found = errors([truth + shift - truth for truth in truths])
    assert found.mae == pytest.approx(abs(100 * shift), abs=1e-4)
    assert found.bias == pytest.approx(100 * shift, abs=1e-4)
    assert found.count == len(truths)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30))
def test_figures_keep_their_order(off: list[float]) -> None:
    found = errors(off, [0.1] * len(off))
    assert found.mae >= abs(found.bias) - 1e-3
    assert 0 <= found.within_5 <= found.within_10 <= 1
    assert found.within_1_sigma is not None
    assert found.within_2_sigma is not None
    assert found.within_1_sigma <= found.within_2_sigma


def test_limits_count_as_within() -> None:
    found = errors([0.05, -0.05, 0.35 - 0.30, 0.1, -0.1001], [0.05, 0.04, 0.05, 0.05, 0.05])
    assert (found.within_5, found.within_10) == (0.6, 0.8)
    assert (found.within_1_sigma, found.within_2_sigma) == (0.4, 0.8)


def test_a_perfect_estimator_has_no_error() -> None:
    rows = [row(true, true, tray=str(true)) for true in np.linspace(0, 1, 11)]
    found = volumes(rows, ALONE)
    assert (found.wells.mae, found.wells.bias, found.trays.mae) == (0, 0, 0)
    assert found.clean is not None
    assert (found.clean.count, found.clean.mean, found.clean.at_most_2) == (1, 0, 1)
    assert volumes(rows, OTHER).wells.bias == -50


def test_trays_weigh_wells_by_their_full_serving() -> None:
    rows = [
        row(0.5, 0.6, full_cm3=300),
        row(0.5, 0.5, full_cm3=100),
        row(0.5, 0.3, tray="b", full_cm3=100),
        row(0.5, 0.7, tray="b", full_cm3=100),
    ]
    found = tray_errors(rows, ALONE)
    assert (found.count, found.mae) == (2, 3.75)


def test_wells_are_grouped_by_what_they_are() -> None:
    rows = [
        row(0, 0.01, kind="liquid", complications=("glare", "hand")),
        row(0.019, 0.05, kind="rice"),
        row(0.5, 0.6, kind="solid", complications=("cut",)),
    ]
    found = volumes(rows, ALONE)
    assert list(found.by_kind) == ["rice", "liquid", "solid"]
    assert list(found.by_complication) == ["plain", "cut", "glare", "hand"]
    assert found.by_complication["hand"].mae == 1
    assert found.by_complication["cut"].bias == pytest.approx(10)
    assert found.clean is not None
    assert (found.clean.count, found.clean.mean, found.clean.at_most_2) == (2, 3, 0.5)
    assert volumes(rows[2:], ALONE).clean is None


def test_nothing_has_no_figures() -> None:
    with pytest.raises(ValueError, match="no errors"):
        errors([])
