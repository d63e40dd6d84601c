"""Which network a checkpoint is of, told from its keys and shapes, so that nobody has to say it again."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, cast, get_args

import torch
from torch import Tensor

from convert.errors import CheckpointError
from convert.networks.build import midas, resnet
from convert.networks.checkpoint import PUBLISHED, load_state
from convert.networks.efficientnet_lite import Variant
from convert.networks.midas import Activation, Doubling, Upsampling
from convert.networks.network import Network
from convert.networks.resnet import Depth, Head
from convert.networks.spec import QUANTITY_CLASSES
from convert.networks.state import download_state, read_checkpoint

Family = Literal["midas", "resnet"]

_LARGEST_WIDTH: Final = 1024
_HEADS: Final[tuple[Head, ...]] = ("segmentation", "quantity")


def open_checkpoint(path: Path, family: Family | None = None, *, height: int, width: int) -> Network:
    """Return the network of a checkpoint, with its weights.

    MiDaS on any EfficientNet-Lite encoder, ResNetTray with any heads, or the original study's classifier: a
    ResNet of torchvision's keys whose `fc` has five classes. What a state dict does not tell is the default,
    unless `save_checkpoint` put other options beside it. `family` says what it has to be. Raises
    `CheckpointError`, one line, where keys or shapes are no such network's, or it has an encoder alone.
    """
    state, options = read_checkpoint(path)
    return _opened(state, options, str(path), family, height=height, width=width)


def download_published(*, height: int, width: int) -> tuple[Network, str]:
    """Return the published MiDaS v2.1 small and its address; raises `CheckpointError` without a network."""
    address = PUBLISHED["midas-lite3"]
    return _opened(download_state(address), {}, address, "midas", height=height, width=width), address


def _opened(
    state: Mapping[str, Tensor],
    options: Mapping[str, str],
    source: str,
    family: Family | None,
    *,
    height: int,
    width: int,
) -> Network:
    found: Family = "midas" if any(key.startswith(("pretrained.", "scratch.")) for key in state) else "resnet"
    build = _midas if (family or found) == "midas" else _resnet
    network = build(state, options, height, width)
    if load_state(network, dict(state), source) == "encoder":
        raise CheckpointError(
            f"{source}: has the weights of an encoder alone, which measures nothing; train on it first"
        )
    if not options.items() <= network.options.items():
        raise CheckpointError(
            f"{source}: was trained with {_said(options)}, which this version does not know; convert it with"
            " the version that trained it"
        )
    return network


def _midas(state: Mapping[str, Tensor], options: Mapping[str, str], height: int, width: int) -> Network:
    features = _side(state, "scratch.output_conv.0.weight", axis=1) or 64
    coarser = _side(state, "scratch.layer2_rn.weight", axis=0)
    expand = None if coarser is None else coarser > features
    shapes = {key: value.shape for key, value in state.items() if key.startswith("pretrained.")}
    for variant in get_args(Variant):
        with torch.device("meta"):
            encoder = midas(variant).backbone
        if {key: value.shape for key, value in encoder.state_dict(prefix="pretrained.").items()} == shapes:
            return midas(
                variant,
                height=height,
                width=width,
                features=features,
                expand=expand,
                upsampling=cast("Upsampling | None", _known(get_args(Upsampling), options.get("upsampling"))),
                activation=cast("Activation | None", _known(get_args(Activation), options.get("activation"))),
                doubling=cast("Doubling | None", _known(get_args(Doubling), options.get("doubling"))),
            )
    return midas("lite3", height=height, width=width)


def _resnet(state: Mapping[str, Tensor], options: Mapping[str, str], height: int, width: int) -> Network:
    of_torchvision = "conv1.weight" in state
    prefix = "" if of_torchvision else "encoder."
    depth: Depth = 50 if f"{prefix}layer1.0.conv3.weight" in state else 18
    stages = [int(match[1]) for key in state if (match := re.match(rf"{prefix}layer([1-4])\.", key))]
    heads = tuple(head for head in _HEADS if any(key.startswith(f"heads.{head}.") for key in state))
    order = options.get("heads", "").split()
    heads = tuple(sorted(heads, key=lambda head: order.index(head) if head in order else len(order)))
    if of_torchvision and len(state.get("fc.bias", ())) == len(QUANTITY_CLASSES):
        heads = ("quantity",)
    return resnet(
        depth,
        height=height,
        width=width,
        heads=heads or _HEADS,
        stages=max(stages, default=3),
        decoder_channels=_side(state, "heads.segmentation.classify.weight", axis=1) or 64,
    )


def _known(words: tuple[str, ...], word: str | None) -> str | None:
    return word if word in words else None


def _said(options: Mapping[str, str]) -> str:
    return ", ".join(f"{key} {word}" for key, word in options.items())


def _side(state: Mapping[str, Tensor], key: str, *, axis: int) -> int | None:
    """Return one side of a convolution, unless it is absent or too odd to build a network of."""
    tensor = state.get(key)
    if tensor is None or tensor.ndim != 4 or not 0 < tensor.shape[axis] <= _LARGEST_WIDTH:
        return None
    return tensor.shape[axis]
