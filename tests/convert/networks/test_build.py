"""Networks by name: interfaces, sizes, random weights."""

import itertools
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from convert.errors import ConvertError
from convert.networks.build import NETWORKS, build, midas, resnet
from convert.networks.efficientnet_lite import Variant, rounded_channels
from convert.networks.initialise import initialise
from convert.networks.network import Network
from convert.networks.padding import SameConv2d, max_pool, same_padding
from convert.networks.resnet import Head
from convert.networks.spec import QUANTITY_CLASSES, TRAY_CLASSES
from convert.networks.torch_stage import torch_stage

INT8_MEMORY_BYTES = 7.67 * 2**20
"""Of an Edge TPU, for the parameters of all models together."""


def parameters(network: Network) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_gives_what_its_spec_says(name: str) -> None:
    network = build(name, height=64, width=96)
    assert (network.spec.name, network.spec.height, network.spec.width) == (name, 64, 96)
    with torch.inference_mode():
        outputs = network(torch.zeros(2, 3, 64, 96))
    shapes = {"inverse_depth": (2, 1, 64, 96), "segmentation": (2, 7, 64, 96), "quantity": (2, 5)}
    assert [tuple(output.shape) for output in outputs] == [
        shapes[output.meaning] for output in network.spec.outputs
    ]


def test_a_tray_network_has_the_heads_that_were_asked_for() -> None:
    for count in (1, 2):
        for heads in itertools.permutations(get_args(Head), count):
            spec = resnet(18, height=64, width=64, heads=heads).spec
            assert tuple(output.name for output in spec.outputs) == heads
    classes = {output.name: output.classes for output in spec.outputs}
    assert classes == {"segmentation": TRAY_CLASSES, "quantity": QUANTITY_CLASSES}


def test_the_device_s_two_networks_fit_the_edge_tpu_s_memory_together() -> None:
    assert parameters(build("midas-lite0")) + parameters(build("resnet18")) < INT8_MEMORY_BYTES


@pytest.mark.parametrize("name", ["midas-lite4", "resnet34", "midas", "", "resnet18 "])
def test_unknown_networks_are_one_line(name: str) -> None:
    with pytest.raises(ConvertError, match="no such network; there are midas-lite0, "):
        build(name)


@pytest.mark.parametrize(("height", "width"), [(255, 256), (256, 0), (-32, 64), (2048, 256)])
def test_impossible_sizes_are_one_line(height: int, width: int) -> None:
    with pytest.raises(ConvertError, match="multiples of 32 up to 1024"):
        build("midas-lite0", height=height, width=width)


@pytest.mark.parametrize("variant", get_args(Variant))
def test_a_decoder_of_any_shape_fits_every_encoder(variant: Variant) -> None:
    for expand, upsampling, activation in [(True, "align_corners", "relu6"), (False, "half_pixel", "relu")]:
        network = midas(
            variant,
            height=64,
            width=64,
            features=16,
            expand=expand,
            upsampling=upsampling,
            activation=activation,
        )
        with torch.inference_mode():
            assert network(torch.zeros(1, 3, 64, 64))[0].shape == (1, 1, 64, 64)


@pytest.mark.parametrize("name", ["midas-lite0", "resnet18"])
def test_random_weights_are_repeatable_and_keep_activations_in_range(name: str) -> None:
    networks = [build(name, height=64, width=64) for _ in range(3)]
    for network, seed in zip(networks, (1, 1, 2), strict=True):
        initialise(network, seed)
    first, second, third = (network.state_dict() for network in networks)
    assert all(torch.equal(first[key], second[key]) for key in first)
    changed = [key for key in first if not torch.equal(first[key], third[key])]
    assert len(changed) > len(first) / 2
    assert not networks[0].training
    images = np.random.default_rng(0).standard_normal((2, 64, 64, 3)).astype(np.float32)
    for output in torch_stage(networks[0]).run(images):
        assert np.isfinite(output).all()
        assert 0.1 < output.std() < 10
    if name != "resnet18":
        (depth,) = torch_stage(networks[0]).run(images)
        assert (depth >= 0).all()
        assert (depth > 0).mean() > 0.9


def test_a_stage_takes_and_gives_channels_last() -> None:
    network = build("resnet18", height=64, width=96)
    initialise(network, 0)
    images = np.random.default_rng(0).standard_normal((2, 64, 96, 3)).astype(np.float32)
    segmentation, quantity = torch_stage(network).run(images)
    with torch.inference_mode():
        expected, scores = network(torch.from_numpy(images).permute(0, 3, 1, 2))
    np.testing.assert_allclose(segmentation, expected.permute(0, 2, 3, 1).numpy(), atol=1e-5)
    np.testing.assert_allclose(quantity, scores.numpy(), atol=1e-5)
    assert segmentation.flags.c_contiguous
    assert segmentation.dtype == np.float32


@given(size=st.integers(1, 600), kernel=st.sampled_from([1, 3, 5, 7]), stride=st.sampled_from([1, 2]))
def test_same_padding_covers_every_pixel_once(size: int, kernel: int, stride: int) -> None:
    before, after = same_padding(size, kernel, stride)
    assert 0 <= before <= after <= before + 1
    outputs = (size + before + after - kernel) // stride + 1
    assert outputs == -(-size // stride)
    # Not a pixel more than that takes, unless the kernel is smaller than the stride.
    assert before + after == 0 or (outputs - 1) * stride + kernel == size + before + after


def test_same_convolution_pads_the_odd_pixel_at_the_end() -> None:
    convolution = SameConv2d(1, 1, 3, stride=2)
    with torch.no_grad():
        convolution.weight.copy_(torch.arange(9.0).reshape(1, 1, 3, 3))
        output = convolution(torch.ones(1, 1, 4, 4))
    # TensorFlow's tf.nn.conv2d(ones, arange, 2, "SAME"): rows and columns are lost at the far sides only.
    assert output.flatten().tolist() == [
        36.0,
        0 + 1 + 3 + 4 + 6 + 7.0,
        0 + 1 + 2 + 3 + 4 + 5.0,
        0 + 1 + 3 + 4.0,
    ]


def test_max_pool_is_pytorch_s_on_what_a_relu_gives() -> None:
    features = torch.relu(torch.randn(2, 3, 10, 14, generator=torch.Generator().manual_seed(0)))
    expected = torch.nn.functional.max_pool2d(features, 3, stride=2, padding=1)
    assert torch.equal(max_pool(features), expected)


@given(st.floats(1, 2000))
def test_widths_are_multiples_of_8_and_not_much_smaller(channels: float) -> None:
    rounded = rounded_channels(channels)
    assert rounded % 8 == 0
    assert rounded >= 0.9 * channels
    assert abs(rounded - channels) <= 8
