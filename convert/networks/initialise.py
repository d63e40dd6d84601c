"""Random weights that behave, for trying the chain without a checkpoint."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from convert.networks.midas import Midas
from convert.networks.network import Network

_CALIBRATION_PICTURES = 4
_DEPTH_OFFSET = 3.0
"""In standard deviations; keeps random inverse depths off the final ReLU."""


def initialise(network: Network, seed: int) -> None:
    """Give `network` random weights whose activations stay in range, the same for the same seed.

    Layer-sequential unit variance (Mishkin & Matas, "All you need is a good init", ICLR 2016): a pass over
    smooth random pictures scales every convolution to outputs of variance 1 and fills BatchNorm's statistics.
    """
    generator = torch.Generator().manual_seed(seed)
    modules = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    with torch.no_grad(), _one_thread():
        for module in modules:
            module.weight.normal_(generator=generator)
            if module.bias is not None:
                module.bias.zero_()
        for norm in norms:
            norm.reset_running_stats()
            norm.weight.uniform_(0.8, 1.2, generator=generator)
            norm.bias.uniform_(-0.2, 0.2, generator=generator)
        _calibrate(network, modules, norms, _pictures(network, generator))
        if isinstance(network, Midas):
            cast("Tensor", network.scratch.last.bias).add_(_DEPTH_OFFSET)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Make sums, which depend on how many threads share them, the same on any number of cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _calibrate(
    network: Network, modules: list[nn.Conv2d | nn.Linear], norms: list[nn.BatchNorm2d], images: Tensor
) -> None:
    handles = [module.register_forward_hook(_to_unit_variance) for module in modules]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    network.train()
    network(images)
    network.eval()
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    for handle in handles:
        handle.remove()


def _to_unit_variance(module: nn.Conv2d | nn.Linear, _inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    deviation = output.std().clamp_min(1e-6)
    module.weight.div_(deviation)
    if module.bias is None:
        return output / deviation
    centre = output.mean() / deviation
    module.bias.sub_(centre)
    return output / deviation - centre


def _pictures(network: Network, generator: torch.Generator) -> Tensor:
    """Return normalised pictures (N, 3, H, W) with structure at several scales."""
    height, width = network.spec.height, network.spec.width
    pictures = torch.zeros(_CALIBRATION_PICTURES, 3, height, width)
    for divisor in (32, 8, 1):
        shape = (_CALIBRATION_PICTURES, 3, height // divisor, width // divisor)
        noise = torch.randn(shape, generator=generator)
        pictures += functional.interpolate(noise, (height, width), mode="bilinear")
    return pictures / pictures.std()
