"""Weights of a network: a whole checkpoint, or an ImageNet classifier for its encoder."""

from collections.abc import Mapping
from typing import Final, Literal

from torch import Tensor, nn

from convert.errors import CheckpointError
from convert.networks.efficientnet_lite import EfficientNetLite
from convert.networks.network import Network
from convert.networks.resnet import ResNetTray
from convert.networks.state import fill

Part = Literal["network", "encoder", "classifier"]
"""What a checkpoint had weights for: everything; the encoder alone, so that decoder and heads keep theirs; or
encoder and quantity head, as the original study trained them."""

PUBLISHED: Final = {
    "midas-lite3": "https://github.com/isl-org/MiDaS/releases/download/v2_1/midas_v2_1_small_256.pt",
}
"""Network → address of its public checkpoint."""

_TOP = 8
"""Keys above the encoder in an EfficientNet classifier: a convolution, a BatchNorm, a linear layer."""


def load_state(network: Network, state: Mapping[str, Tensor], source: str) -> Part:
    """Load a state dict into `network` and return for which part of it that was.

    It is of the whole network, as the published one is for MiDaS v2.1 small; or of a classifier:
    torchvision's ResNet, or EfficientNet-Lite as geffnet, timm and the packages that carry its weights name
    its keys. Of a classifier, the layers above the encoder are passed over, but a ResNet's `fc` of the five
    quantity classes becomes the quantity head. Every other key and shape has to be the network's.

    Raises `CheckpointError`, one line that names `source`, and then has changed nothing.
    """
    if isinstance(network, ResNetTray) and "conv1.weight" in state:
        return _load_resnet(network, state, source)
    backbone = network.backbone
    if isinstance(backbone, EfficientNetLite) and (
        "conv_stem.weight" in state or "_conv_stem.weight" in state
    ):
        fill(backbone, _by_position(backbone, state, source), source)
        return "encoder"
    fill(network, state, source)
    return "network"


def _load_resnet(network: ResNetTray, state: Mapping[str, Tensor], source: str) -> Part:
    encoder, quantity = network.encoder, network.quantity_head
    linear = state.get("fc.weight")
    trained = quantity is not None and linear is not None and linear.shape == quantity.fc.weight.shape
    above = tuple(f"layer{stage}." for stage in range(len(encoder.channels) + 1, 5))
    kept = {key: value for key, value in state.items() if not key.startswith(above)}
    if quantity is not None and trained:
        fill(nn.ModuleDict({**dict(encoder.named_children()), "fc": quantity.fc}), kept, source)
        return "classifier"
    fill(encoder, {key: value for key, value in kept.items() if not key.startswith("fc.")}, source)
    return "encoder"


def _by_position(backbone: EfficientNetLite, state: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """Return `state` by the encoder's names.

    The public state dicts of EfficientNet-Lite differ in names and agree in order. `fill` compares shapes;
    this, that each key is of the same kind (`weight`, `running_mean`, …).
    """
    wanted = list(backbone.state_dict())
    alike = all(
        ours.rpartition(".")[2] == theirs.rpartition(".")[2]
        for ours, theirs in zip(wanted, state, strict=False)
    )
    if len(state) != len(wanted) + _TOP or not alike:
        raise CheckpointError(
            f"{source}: {len(state)} keys, unlike the {len(wanted) + _TOP} of this EfficientNet-Lite with a "
            "classifier; give the weights of the same variant"
        )
    return dict(zip(wanted, state.values(), strict=False))
