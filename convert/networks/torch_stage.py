"""A PyTorch network as a stage of the conversion."""

import numpy as np
import torch
from torch import Tensor

from convert.networks.network import Network
from convert.networks.stage import Array, Stage


def torch_stage(network: Network) -> Stage:
    """Return `network` as the stage `pytorch`; it runs in evaluation mode, without gradients."""
    return _TorchStage(network)


def channels_first(images: Array) -> Array:
    """(N, H, W, C) to (N, C, H, W), contiguous."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float32)


def channels_last(output: Array) -> Array:
    """(N, C, H, W) to (N, H, W, C), contiguous; (N, C) as it is."""
    return np.ascontiguousarray(output.transpose(0, 2, 3, 1) if output.ndim == 4 else output, np.float32)


class _TorchStage:
    name = "pytorch"

    def __init__(self, network: Network) -> None:
        self._network = network.eval()

    def run(self, images: Array) -> tuple[Array, ...]:
        with torch.inference_mode():
            outputs: tuple[Tensor, ...] = self._network(torch.from_numpy(channels_first(images)))
        return tuple(channels_last(output.numpy()) for output in outputs)
