"""Arithmetic of a step: single precision, or bfloat16 where that is faster."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import torch
from torch import Tensor, nn

from convert.train.settings import Precision


def arithmetic(precision: Precision) -> AbstractContextManager[object]:
    """Return the context that a network's forward pass runs in; weights and losses stay float32."""
    return torch.autocast("cpu", torch.bfloat16) if precision == "bfloat16" else nullcontext()


def keep_depthwise_exact(network: nn.Module) -> None:
    """Let depthwise convolutions compute in float32 whatever the context.

    Their backward pass in bfloat16 takes processors three times as long as in float32; they are a
    twentieth of the network's arithmetic.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1:
            module.forward = partial(_exactly, module, type(module).forward)  # type: ignore[method-assign]


def _exactly(module: nn.Conv2d, forward: Callable[[nn.Conv2d, Tensor], Tensor], features: Tensor) -> Tensor:
    with torch.autocast("cpu", enabled=False):
        return forward(module, features.float())
