import numpy as np
import pytest

from appliance.estimate.profile import with_curved_wall
from appliance.estimate.wall import measured_wall
from tests.estimate.wells import profile

WELL = profile()


def surface(power: float, deepest_mm: float = 25.0) -> np.ndarray:
    return ((WELL.level**power - 1) * deepest_mm).astype(np.float32)


def test_a_straight_wall_stays_straight() -> None:
    found = measured_wall(WELL, surface(1.0))
    np.testing.assert_allclose(found.level, WELL.level, atol=0.02)
    assert found.capacity_cm3 == pytest.approx(WELL.capacity_cm3, rel=0.01)


@pytest.mark.parametrize("deepest_mm", [15.0, 25.0])
def test_a_bent_wall_is_followed_at_any_scale(deepest_mm: float) -> None:
    found = measured_wall(WELL, surface(2.0, deepest_mm))
    np.testing.assert_allclose(found.level, WELL.level**2, atol=0.03)
    assert found.capacity_cm3 > WELL.capacity_cm3
    assert np.all(np.diff(found.volumes_cm3) >= 0)


def test_a_map_that_shows_no_well_changes_nothing() -> None:
    assert measured_wall(WELL, np.zeros(WELL.level.shape, np.float32)) is WELL


def test_capacity_follows_from_the_curve() -> None:
    straight = np.array([0.0, 0.5, 1.0])
    same = with_curved_wall(WELL, straight, straight)
    np.testing.assert_allclose(same.volumes_cm3, WELL.volumes_cm3)
    deeper = with_curved_wall(WELL, straight, np.array([0.0, 0.2, 1.0]))
    inside = deeper.level[deeper.opening].astype(float)
    assert deeper.capacity_cm3 == pytest.approx((1 - inside).sum() * 25.0 * deeper.mm2_per_px / 1000)
