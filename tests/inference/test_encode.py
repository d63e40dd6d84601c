"""Pictures reach the device's networks as they reached the calibration of the models: the same to the bit."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from appliance.inference.encode import Encoder
from appliance.inference.quantisation import quantise
from appliance.inference.squeeze import squeeze
from convert.networks.spec import NetworkSpec, Output
from convert.pictures import network_input
from tests.inference.entries import input_signature

HEIGHT, WIDTH = 8, 12
QUANTISED = [("int8", 0.0187, -14), ("uint8", 0.02, 128), ("float32", None, None)]

views = arrays.arrays(
    np.uint8, st.tuples(st.integers(4, 40), st.integers(4, 40), st.just(3)), elements=st.integers(0, 255)
)


@pytest.mark.parametrize(("dtype", "scale", "zero_point"), QUANTISED)
@given(view=views)
def test_the_tensor_is_that_of_the_calibration(
    view: npt.NDArray[np.uint8], dtype: str, scale: float | None, zero_point: int | None
) -> None:
    signature = input_signature(shape=(1, HEIGHT, WIDTH, 3), dtype=dtype, scale=scale, zero_point=zero_point)
    spec = NetworkSpec("a", HEIGHT, WIDTH, (Output("depth", "inverse_depth"),), signature.mean, signature.std)
    real = network_input(view, spec)
    expected = real if scale is None else quantise(real, scale, zero_point or 0, dtype)
    tensor = Encoder(signature).encode(squeeze(view, HEIGHT, WIDTH))
    assert (tensor.dtype, tensor.shape) == (np.dtype(dtype), signature.shape)
    assert np.array_equal(tensor[0], expected)


def test_every_shade_is_looked_up_right() -> None:
    """All values of all channels, each in another one, so that red and blue cannot be mixed up."""
    pixels = np.stack([np.roll(np.arange(256), 85 * channel) for channel in range(3)], axis=-1)
    signature = input_signature(shape=(1, 16, 16, 3), scale=0.0187, zero_point=100)
    tensor = Encoder(signature).encode(pixels.reshape(16, 16, 3).astype(np.uint8))
    real = (pixels[:, ::-1] / 255 - np.array(signature.mean)) / np.array(signature.std)
    expected = np.clip(np.rint(real / 0.0187) + 100, 0, 255)
    assert np.abs(tensor.reshape(256, 3).astype(int) - expected).max() <= 1


def test_a_view_is_squeezed_into_given_memory() -> None:
    view = np.zeros((90, 120, 3), np.uint8)
    view[:45] = 200
    memory = np.full((2, HEIGHT, WIDTH, 3), 7, np.uint8)
    assert squeeze(view, HEIGHT, WIDTH, into=memory[1]) is not None
    assert (memory[0] == 7).all()
    assert (memory[1, :4] == 200).all()
    assert (memory[1, 4:] == 0).all()
