"""Between real numbers and 8-bit integers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from appliance.inference.quantisation import dequantise, quantise

SCALES = st.floats(1e-6, 1e3)
KINDS = st.sampled_from([(np.int8, -128, 127), (np.uint8, 0, 255)])


@given(scale=SCALES, kind=KINDS, data=st.data())
def test_every_integer_survives_the_way_to_a_real_number_and_back(
    scale: float, kind: tuple[type, int, int], data: st.DataObject
) -> None:
    dtype, lowest, highest = kind
    zero_point = data.draw(st.integers(lowest, highest))
    values = np.arange(lowest, highest + 1).astype(dtype)
    back = quantise(dequantise(values, scale, zero_point), scale, zero_point, dtype)
    np.testing.assert_array_equal(back, values)


@given(scale=SCALES, kind=KINDS, data=st.data())
def test_a_real_number_within_range_moves_by_half_a_step_at_most(
    scale: float, kind: tuple[type, int, int], data: st.DataObject
) -> None:
    dtype, lowest, highest = kind
    zero_point = data.draw(st.integers(lowest, highest))
    low, high = (lowest - zero_point) * scale, (highest - zero_point) * scale
    real = data.draw(arrays.arrays(np.float32, 20, elements=st.floats(0, 1, width=32))) * (high - low) + low
    real = real.astype(np.float32)
    back = dequantise(quantise(real, scale, zero_point, dtype), scale, zero_point)
    rounding = 2e-7 * max(abs(low), abs(high))
    assert np.abs(back - real).max() <= scale / 2 + rounding


@pytest.mark.parametrize(("dtype", "ends"), [("int8", [-128, 127]), ("uint8", [0, 255])])
def test_beyond_the_range_the_end_is_taken(dtype: str, ends: list[int]) -> None:
    found = quantise(np.array([-1e9, 1e9], np.float32), 0.1, 3, dtype)
    assert found.dtype == dtype
    assert found.tolist() == ends


def test_zero_is_exact_for_padding_is_made_of_it() -> None:
    for zero_point in (-128, -4, 0, 127):
        held = quantise(np.zeros(1, np.float32), 0.0361806, zero_point, "int8")
        assert dequantise(held, 0.0361806, zero_point).tolist() == [0.0]
