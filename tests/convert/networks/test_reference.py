"""The networks are the public ones: their keys, their shapes, their outputs."""

import pytest
import torch

from convert.networks.build import midas
from convert.networks.resnet import Depth, ResNetEncoder
from convert.networks.state import fill
from tests.convert.networks.known_weights import (
    known_picture,
    known_state,
    largest_difference,
    reference_outputs,
    reference_shapes,
    shapes_of,
)

SIZES_AND_PRECISIONS = [(256, 256, torch.float32, 1e-4), (64, 96, torch.float64, 1e-7)]
"""Single precision shows that it is close enough, double precision that it is the same function."""


def test_midas_has_the_published_keys() -> None:
    shapes = reference_shapes("midas-v2.1-small")
    assert len(shapes) == 482
    assert shapes_of(midas("lite3")) == shapes


@pytest.mark.parametrize(("height", "width", "dtype", "tolerance"), SIZES_AND_PRECISIONS)
def test_midas_gives_the_reference_s_outputs(
    height: int, width: int, dtype: torch.dtype, tolerance: float
) -> None:
    network = midas("lite3", height=height, width=width)
    fill(network, known_state(reference_shapes("midas-v2.1-small")), "known weights")
    with torch.inference_mode():
        (depth,) = network.to(dtype)(known_picture(height, width).to(dtype))
    assert depth.shape == (1, 1, height, width)
    expected = reference_outputs("midas-v2.1-small")[f"{height}x{width}"]
    assert largest_difference(depth, expected) < tolerance


@pytest.mark.parametrize(("depth", "keys"), [(18, 122), (50, 320)])
def test_resnet_has_torchvision_s_keys(depth: Depth, keys: int) -> None:
    shapes = reference_shapes(f"resnet{depth}")
    assert len(shapes) == keys
    classifier = {key for key in shapes if key.startswith("fc.")}
    assert classifier == {"fc.weight", "fc.bias"}
    assert shapes_of(ResNetEncoder(depth)) == {key: shapes[key] for key in shapes.keys() - classifier}


@pytest.mark.parametrize("depth", [18, 50])
@pytest.mark.parametrize(("height", "width", "dtype", "tolerance"), SIZES_AND_PRECISIONS)
def test_resnet_gives_torchvision_s_features(
    depth: Depth, height: int, width: int, dtype: torch.dtype, tolerance: float
) -> None:
    encoder = ResNetEncoder(depth).eval()
    fill(encoder, known_state(shapes_of(encoder)), "known weights")
    with torch.inference_mode():
        features = encoder.to(dtype)(known_picture(height, width).to(dtype))
    for stage, level in enumerate(features, start=1):
        expected = reference_outputs(f"resnet{depth}")[f"{height}x{width} layer{stage}"]
        assert largest_difference(level, expected) < tolerance, stage
