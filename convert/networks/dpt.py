"""DPT_Large, the depth network of the original study (Ranftl et al., ICCV 2021): a yardstick and a teacher.

With 340 million parameters it runs on workstations only. The network itself is `transformers`', which is
needed here alone and is not installed with the workshop.
"""

from pathlib import Path
from typing import Final, Literal

import numpy as np
import torch
from torch import Tensor, nn

from convert.errors import CheckpointError, ConvertError
from convert.networks.dpt_keys import to_transformers
from convert.networks.spec import NetworkSpec, Output
from convert.networks.stage import Array
from convert.networks.state import download_state, fill, read_state
from convert.networks.torch_stage import channels_first

PUBLISHED: Final = "https://github.com/isl-org/MiDaS/releases/download/v3/dpt_large_384.pt"
HUB_NAME: Final = "Intel/dpt-large"

_SIDE = 384
_HALF = (0.5, 0.5, 0.5)

_CONFIGURATION: Final = {
    "image_size": _SIDE,
    "patch_size": 16,
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "backbone_out_indices": [5, 11, 17, 23],
    "neck_hidden_sizes": [256, 512, 1024, 1024],
    "fusion_hidden_size": 256,
    "readout_type": "project",
    # As in the vision transformers of timm, which the checkpoint was trained on.
    "layer_norm_eps": 1e-6,
}


class DptStage:
    """A DPT as a `Stage`: pictures (N, H, W, 3) as `spec` says to inverse depth (N, H, W, 1).

    Its normalisation and its size are not those of our networks; pictures have to be made for `spec`.
    """

    name = "dpt"

    def __init__(self, network: nn.Module, side_px: int = _SIDE) -> None:
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
        depth: Tensor = self._network(torch.from_numpy(channels_first(image)).to(device)).predicted_depth
        return np.ascontiguousarray(depth.float().cpu().numpy()[..., None])


def open_dpt(source: Path | Literal["published", "hub"]) -> DptStage:
    """Return a DPT with its weights, as a stage; the published one takes 384x384 pixels.

    `source` is the published file `dpt_large_384.pt`, or a folder in which `transformers` saved a DPT of any
    size. Where a network exists, `published` fetches that file with `torch.hub`, and `hub` fetches `HUB_NAME`
    with `transformers`. Raises `CheckpointError`, one line.
    """
    try:
        from transformers import DPTConfig, DPTForDepthEstimation  # noqa: PLC0415 - optional, slow to import
    except ImportError:
        raise CheckpointError(
            "DPT_Large runs on transformers, which is not installed; pip install transformers"
        ) from None
    if source == "hub" or (isinstance(source, Path) and source.is_dir()):
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
        return DptStage(network, network.config.image_size)
    with torch.device("meta"):
        network = DPTForDepthEstimation(DPTConfig(**_CONFIGURATION))
    state = download_state(PUBLISHED) if source == "published" else read_state(Path(source))
    network.to_empty(device="cpu")
    fill(network, to_transformers(state), str(source))
    return DptStage(network)
