import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.estimate.heap import heap_volume_cm3, served_edge_mm
from tests.estimate.wells import profile

WELL = profile()


@settings(max_examples=25)
@given(st.floats(0.0, 1.0), st.floats(0.0, 10.0))
def test_volume_is_bounded_by_the_well_and_the_edge(level: float, edge_mm: float) -> None:
    covered = WELL.opening & (WELL.level <= level)
    volume = heap_volume_cm3(covered, WELL, edge_mm)
    edge_cm3 = edge_mm * WELL.opening_mm2 / 1000
    assert 0.0 <= volume <= WELL.capacity_cm3 * 1.1 + edge_cm3


@settings(max_examples=25)
@given(st.floats(0.1, 0.8), st.floats(0.1, 0.2))
def test_more_cover_is_more_food(level: float, step: float) -> None:
    small, large = WELL.opening & (WELL.level <= level), WELL.opening & (WELL.level <= level + step)
    assert heap_volume_cm3(large, WELL) > heap_volume_cm3(small, WELL)


def test_half_a_well_is_about_half_its_food() -> None:
    served = WELL.opening & (WELL.level <= 0.7)
    half = served & (np.arange(served.shape[1]) < served.shape[1] // 2)
    edge = served_edge_mm(served, WELL)
    share = heap_volume_cm3(half, WELL, edge) / heap_volume_cm3(served, WELL, edge)
    assert share == pytest.approx(0.45, abs=0.1)


def test_a_ring_with_a_hollow_middle_is_less_than_its_area() -> None:
    served = WELL.opening & (WELL.level <= 0.7)
    ring = served & (WELL.level > 0.05)
    edge = served_edge_mm(served, WELL)
    share = heap_volume_cm3(ring, WELL, edge) / heap_volume_cm3(served, WELL, edge)
    assert share < np.count_nonzero(ring) / np.count_nonzero(served)


def test_nothing_covered_is_nothing() -> None:
    nothing = np.zeros_like(WELL.opening)
    assert heap_volume_cm3(nothing, WELL) == 0.0
    assert served_edge_mm(nothing, WELL) > 0.0
