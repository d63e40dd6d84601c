import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.estimate.profile import well_profile
from tests.estimate.wells import PX_PER_MM, compartment, profile

wells = st.fixed_dictionaries(
    {
        "width": st.floats(40, 95),
        "height": st.floats(40, 100),
        "inset": st.floats(3, 18),
        "depth": st.floats(5, 60),
    }
)


@settings(max_examples=25)
@given(wells)
def test_level_and_tables_are_monotone_and_bounded(shape: dict[str, float]) -> None:
    well = profile(**shape)
    assert well.level.min() >= 0
    assert well.level.max() <= 1
    assert (well.level[well.floor] == 0).all()
    assert (well.level[~well.opening] == 1).all()
    assert (np.diff(well.volumes_cm3) >= 0).all()
    assert well.volumes_cm3[0] == 0


@settings(max_examples=25)
@given(wells)
def test_capacity_is_the_frustums(shape: dict[str, float]) -> None:
    well = profile(**shape)
    top = shape["width"] * shape["height"]
    bottom = (shape["width"] - 2 * shape["inset"]) * (shape["height"] - 2 * shape["inset"])
    middle = (shape["width"] - shape["inset"]) * (shape["height"] - shape["inset"])
    prismatoid_cm3 = shape["depth"] / 6 * (top + 4 * middle + bottom) / 1000
    assert well.capacity_cm3 == pytest.approx(prismatoid_cm3, rel=0.08)


def test_volume_under_a_level_is_the_sum_of_depths() -> None:
    well = profile()
    depth_mm = np.maximum(0.5 - well.level[well.opening], 0) * well.depth_mm
    assert well.volume_at(0.5) == pytest.approx(float(depth_mm.sum()) * well.mm2_per_px / 1000, rel=1e-3)


def test_a_well_without_a_flat_floor_still_has_a_deepest_place() -> None:
    well = profile(inset=47.0)
    assert well.floor.any()
    assert np.isfinite(well.level).all()


def test_a_well_outside_the_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="compartment 1 lies outside"):
        well_profile(compartment(left=500), PX_PER_MM, (192, 352))
