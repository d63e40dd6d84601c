"""Padding that the exported file states where it belongs: in the convolution, or as one constant Pad.

The exporter would write a chain of shape operators for a padding that PyTorch's own layers cannot express.
"""

import math
from collections.abc import Callable
from typing import Literal, Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

_Padding = tuple[int, int, int, int]
"""Rows before, columns before, rows after, columns after: ONNX's order."""


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return TensorFlow's 'SAME' padding before and after a side of `size` pixels; the odd one goes after."""
    total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class SameConv2d(nn.Conv2d):
    """A convolution of stride 1 or 2 without bias, padded as TensorFlow's 'SAME'."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: Literal[1, 2] = 1, groups: int = 1
    ) -> None:
        # At stride 1 the padding is symmetric and the same for every size.
        padding = (kernel - 1) // 2 if stride == 1 else 0
        super().__init__(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, outputs, ceil(H / stride), ceil(W / stride)) of `features` (N, inputs, H, W)."""
        if self.stride == (1, 1):
            return super().forward(features)
        (top, bottom), (left, right) = (
            # int(): the exported file keeps the padding of the size it was traced with.
            same_padding(int(size), kernel, stride)
            for size, kernel, stride in zip(features.shape[-2:], self.kernel_size, self.stride, strict=True)
        )
        padding = (top, left, bottom, right)
        if torch.onnx.is_in_onnx_export():
            convolved = cast("Callable[..., Tensor]", _HalvingConvolution.apply)
            return convolved(features, self.weight, padding, self.groups)
        return super().forward(_zero_padded(features, padding))


def max_pool(features: Tensor) -> Tensor:
    """Return what `MaxPool2d(3, 2, padding=1)` returns, of `features` (N, C, H, W) that are at least 0.

    Zeros stand for the -inf of PyTorch's padding, which int8 does not have.
    """
    padded = _zero_padded
    if torch.onnx.is_in_onnx_export():
        padded = cast("Callable[..., Tensor]", _ZeroPadding.apply)
    return functional.max_pool2d(padded(features, (1, 1, 1, 1)), 3, stride=2)


def _zero_padded(features: Tensor, padding: _Padding) -> Tensor:
    top, left, bottom, right = padding
    return functional.pad(features, (left, right, top, bottom))


class _Graph(Protocol):
    """The exporter's graph under construction."""

    def op(self, operator: str, *inputs: object, **attributes: object) -> object:
        """Add an operator; an attribute's type is the ending of its name."""


class _HalvingConvolution(torch.autograd.Function):
    """Only traced for export, never trained through."""

    @staticmethod
    def forward(features: Tensor, weight: Tensor, padding: _Padding, groups: int) -> Tensor:
        return functional.conv2d(_zero_padded(features, padding), weight, stride=2, groups=groups)

    @staticmethod
    def setup_context(ctx: object, inputs: tuple[object, ...], output: Tensor) -> None:
        """Nothing is kept for a backward pass."""

    @staticmethod
    def symbolic(graph: _Graph, features: object, weight: object, padding: _Padding, groups: int) -> object:
        """Write ONNX's Conv, whose padding may differ from side to side."""
        return graph.op("Conv", features, weight, pads_i=padding, strides_i=(2, 2), group_i=groups)


class _ZeroPadding(torch.autograd.Function):
    """Only traced for export, never trained through."""

    @staticmethod
    def forward(features: Tensor, padding: _Padding) -> Tensor:
        return _zero_padded(features, padding)

    @staticmethod
    def setup_context(ctx: object, inputs: tuple[object, ...], output: Tensor) -> None:
        """Nothing is kept for a backward pass."""

    @staticmethod
    def symbolic(graph: _Graph, features: object, padding: _Padding) -> object:
        """Write one Pad."""
        top, left, bottom, right = padding
        pads = torch.tensor([0, 0, top, left, 0, 0, bottom, right])
        return graph.op("Pad", features, graph.op("Constant", value_t=pads), mode_s="constant")
