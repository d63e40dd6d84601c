"""Networks by name."""

from collections.abc import Sequence
from typing import Final, cast

from convert.errors import ConvertError
from convert.networks.efficientnet_lite import Variant
from convert.networks.initialise import initialise
from convert.networks.midas import Activation, Doubling, Midas, Upsampling
from convert.networks.network import Network
from convert.networks.resnet import Depth, Head, ResNetTray
from convert.networks.torch_stage import torch_stage

__all__ = [
    "LARGEST",
    "MULTIPLE",
    "NETWORKS",
    "Network",
    "build",
    "initialise",
    "midas",
    "resnet",
    "torch_stage",
]

NETWORKS: Final = ("midas-lite0", "midas-lite1", "midas-lite2", "midas-lite3", "resnet18", "resnet50")

MULTIPLE: Final = 32
"""Height and width are multiples of this, so that the decoder's doubled maps meet the encoder's."""

LARGEST: Final = 1024


def build(name: str, *, height: int = 256, width: int = 256) -> Network:
    """Return one of `NETWORKS` with its default options, with PyTorch's initial weights, in evaluation mode.

    `midas-lite3` is the published MiDaS v2.1 small; the smaller ones are meant for the device (see `midas`).
    Raises `ConvertError` on an unknown name or a size that is not a multiple of 32 up to 1024.
    """
    if name not in NETWORKS:
        raise ConvertError(f"{name}: no such network; there are {', '.join(NETWORKS)}")
    family, _, variant = name.partition("-")
    if family == "midas":
        return midas(cast("Variant", variant), height=height, width=width)
    return resnet(cast("Depth", int(name.removeprefix("resnet"))), height=height, width=width)


def midas(
    variant: Variant,
    *,
    height: int = 256,
    width: int = 256,
    features: int = 64,
    expand: bool | None = None,
    upsampling: Upsampling | None = None,
    activation: Activation | None = None,
    doubling: Doubling | None = None,
) -> Midas:
    """Return a MiDaS; options of None are the published network's for lite3, and the device's otherwise.

    The device's are: no widening towards coarse levels (it holds 14 of 15 million parameters of the decoder),
    half-pixel upsampling, ReLU6, and the last doubling on the depth map itself.
    """
    _check_size(height, width)
    published = variant == "lite3"
    return Midas(
        variant,
        height,
        width,
        features=features,
        expand=published if expand is None else expand,
        upsampling=upsampling or ("align_corners" if published else "half_pixel"),
        activation=activation or ("relu" if published else "relu6"),
        doubling=doubling or ("features" if published else "depth"),
    ).eval()


def resnet(
    depth: Depth,
    *,
    height: int = 256,
    width: int = 256,
    heads: Sequence[Head] = ("segmentation", "quantity"),
    stages: int = 3,
    decoder_channels: int = 64,
) -> ResNetTray:
    """Return a ResNet with the heads in that order; see `ResNetTray`."""
    _check_size(height, width)
    return ResNetTray(
        depth, height, width, heads=heads, stages=stages, decoder_channels=decoder_channels
    ).eval()


def _check_size(height: int, width: int) -> None:
    if any(side % MULTIPLE or not 0 < side <= LARGEST for side in (height, width)):
        raise ConvertError(
            f"{height}x{width}: height and width must be multiples of {MULTIPLE} up to {LARGEST}"
        )
