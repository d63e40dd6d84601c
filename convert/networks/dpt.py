"""DPT_Large, the depth network of the original study (Ranftl et al., ICCV 2021): a yardstick and a teacher.

With 343 million parameters it runs on workstations only. The published file needs nothing but PyTorch; what
`transformers` saved needs that library, which is not installed with the workshop.
"""

from pathlib import Path
from typing import Final, Literal

import numpy as np
import torch
from torch import Tensor, nn

from convert.errors import CheckpointError, ConvertError
from convert.networks.dpt_network import DPT_LARGE, Dpt
from convert.networks.spec import NetworkSpec, Output
from convert.networks.stage import Array
from convert.networks.state import download_state, fill, read_state
from convert.networks.torch_stage import channels_first, channels_last

PUBLISHED: Final = "https://github.com/isl-org/MiDaS/releases/download/v3/dpt_large_384.pt"
HUB_NAME: Final = "Intel/dpt-large"

_HALF = (0.5, 0.5, 0.5)

_CLASSIFIER: Final = "pretrained.model.head."
"""Of the ImageNet vision transformer that the network was made from; it is not used."""


class DptStage:
    """A DPT as a `Stage`: pictures (N, H, W, 3) as `spec` says to inverse depth (N, H, W, 1).

    Its normalisation and its size are not those of our networks; pictures have to be made for `spec`.
    `network` takes (1, 3, S, S) and gives (1, 1, S, S).
    """

    name = "dpt"

    def __init__(self, network: nn.Module, side_px: int = DPT_LARGE.side_px) -> None:
        self._network = network.eval()
        self.spec = NetworkSpec(
            "dpt-large", side_px, side_px, (Output("inverse_depth", "inverse_depth"),), mean=_HALF, std=_HALF
        )

    def run(self, images: Array) -> tuple[Array, ...]:
        """Return the inverse depths of `images`; one after the other, for they take a gigabyte each."""
        wanted = (self.spec.height, self.spec.width, 3)
        if images.shape[1:] != wanted:
            raise ConvertError(f"pictures of {images.shape[1:]}, where {self.spec.name} takes {wanted}")
        with torch.inference_mode():
            return (np.concatenate([self._depth(image[None]) for image in images]),)

    def _depth(self, image: Array) -> Array:
        device = next(self._network.parameters()).device
        depth: Tensor = self._network(torch.from_numpy(channels_first(image)).to(device))
        return channels_last(depth.float().cpu().numpy())


def open_dpt(source: Path | Literal["published", "hub"]) -> DptStage:
    """Return a DPT with its weights, as a stage; the published one takes 384x384 pixels.

    `source` is the published file `dpt_large_384.pt`, or a folder in which `transformers` saved a DPT of any
    size. Where a network exists, `published` fetches that file with `torch.hub`, and `hub` fetches `HUB_NAME`
    with `transformers`. Raises `CheckpointError`, one line.
    """
    if source == "hub" or (isinstance(source, Path) and source.is_dir()):
        return _open_transformers(source)
    state = download_state(PUBLISHED) if source == "published" else read_state(Path(source))
    with torch.device("meta"):
        network = Dpt()
    network.to_empty(device="cpu")
    fill(
        network, {key: value for key, value in state.items() if not key.startswith(_CLASSIFIER)}, str(source)
    )
    return DptStage(network, network.size.side_px)


def _open_transformers(source: Path | Literal["hub", "published"]) -> DptStage:
    try:
        from transformers import DPTForDepthEstimation  # noqa: PLC0415 - optional, slow to import
    except ImportError:
        raise CheckpointError(
            f"{source}: runs on transformers, which is not installed; pip install transformers, or give"
            " dpt_large_384.pt"
        ) from None
    try:
        network, loaded = DPTForDepthEstimation.from_pretrained(
            HUB_NAME if source == "hub" else source,
            local_files_only=source != "hub",
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise CheckpointError(f"{source}: no DPT that transformers can read ({reason})") from None
    # transformers fills what a folder lacks with random numbers.
    if loaded["missing_keys"] or loaded["mismatched_keys"]:
        raise CheckpointError(f"{source}: not all weights of a DPT are in it; save or fetch it again")
    return DptStage(_PredictedDepth(network), network.config.image_size)


class _PredictedDepth(nn.Module):
    """A network of `transformers` that gives its depth alone, (N, 1, H, W)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._network = network

    def forward(self, image: Tensor) -> Tensor:
        depth: Tensor = self._network(image).predicted_depth
        return depth[:, None]
