"""EfficientNet-Lite encoders (TensorFlow TPU models, efficientnet/lite), keyed as MiDaS keys them.

Tan & Le, "EfficientNet", ICML 2019; the Lite variants drop squeeze-and-excitation and use ReLU6, so every
operator has an int8 form. Padding is TensorFlow's 'SAME' and BatchNorm's epsilon 1e-3, as the weights expect.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from convert.networks.padding import SameConv2d

Variant = Literal["lite0", "lite1", "lite2", "lite3"]

_BATCH_NORM_EPSILON = 1e-3
_BATCH_NORM_MOMENTUM = 0.01
_STEM_CHANNELS = 32


@dataclass(frozen=True)
class _Stage:
    """A row of table 1 of the paper: blocks that share a kernel size and a width."""

    expansion: int
    channels: int
    repeats: int
    stride: Literal[1, 2]
    kernel: int


_STAGES: Final = (
    _Stage(1, 16, 1, 1, 3),
    _Stage(6, 24, 2, 2, 3),
    _Stage(6, 40, 2, 2, 5),
    _Stage(6, 80, 3, 2, 3),
    _Stage(6, 112, 3, 1, 5),
    _Stage(6, 192, 4, 2, 5),
    _Stage(6, 320, 1, 1, 3),
)

_MULTIPLIERS: Final[dict[Variant, tuple[float, float]]] = {
    "lite0": (1.0, 1.0),
    "lite1": (1.0, 1.1),
    "lite2": (1.1, 1.2),
    "lite3": (1.2, 1.4),
}
"""Width and depth multipliers."""


class EfficientNetLite(nn.Module):
    """The encoder: four feature maps at 1/4, 1/8, 1/16 and 1/32 of the picture, `channels` wide.

    `layer1` to `layer4` split the network as MiDaS does (isl-org/MiDaS, `_make_efficientnet_backbone`), so
    the state dict is what MiDaS stores below `pretrained.`. The classifier is left out.
    """

    def __init__(self, variant: Variant) -> None:
        super().__init__()
        width, depth = _MULTIPLIERS[variant]
        stages = []
        inputs = _STEM_CHANNELS
        for index, stage in enumerate(_STAGES):
            channels = rounded_channels(stage.channels * width)
            # The Lite variants do not scale the depth of the first and the last stage.
            scaled = 0 < index < len(_STAGES) - 1
            repeats = math.ceil(stage.repeats * depth) if scaled else stage.repeats
            blocks: list[nn.Module] = []
            for repeat in range(repeats):
                stride: Literal[1, 2] = stage.stride if repeat == 0 else 1
                blocks.append(
                    _Separable(inputs, channels, stage.kernel, stride)
                    if stage.expansion == 1
                    else _InvertedResidual(inputs, channels, stage.kernel, stride, stage.expansion)
                )
                inputs = channels
            stages.append(nn.Sequential(*blocks))
        stem = (SameConv2d(3, _STEM_CHANNELS, 3, stride=2), _batch_norm(_STEM_CHANNELS), nn.ReLU6())
        self.layer1 = nn.Sequential(*stem, *stages[0:2])
        self.layer2 = nn.Sequential(*stages[2:3])
        self.layer3 = nn.Sequential(*stages[3:5])
        self.layer4 = nn.Sequential(*stages[5:7])
        self.channels = tuple(rounded_channels(_STAGES[i].channels * width) for i in (1, 2, 4, 6))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the features of `image` (N, 3, H, W), finest first."""
        first = self.layer1(image)
        second = self.layer2(first)
        third = self.layer3(second)
        return first, second, third, self.layer4(third)


def rounded_channels(channels: float) -> int:
    """Return the multiple of 8 nearest to `channels`, never more than a tenth below it."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


class _Separable(nn.Module):
    """Depthwise, then pointwise convolution: the first stage, where nothing is expanded."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: Literal[1, 2]) -> None:
        super().__init__()
        self.conv_dw = SameConv2d(inputs, inputs, kernel, stride, groups=inputs)
        self.bn1 = _batch_norm(inputs)
        self.conv_pw = SameConv2d(inputs, outputs, 1)
        self.bn2 = _batch_norm(outputs)
        self.skips = stride == 1 and inputs == outputs

    def forward(self, features: Tensor) -> Tensor:
        deep = functional.relu6(self.bn1(self.conv_dw(features)))
        deep = self.bn2(self.conv_pw(deep))
        return torch.add(features, deep) if self.skips else deep


class _InvertedResidual(nn.Module):
    """Expand, filter each channel, project (Sandler et al., "MobileNetV2", CVPR 2018, section 3)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: Literal[1, 2], expansion: int) -> None:
        super().__init__()
        middle = inputs * expansion
        self.conv_pw = SameConv2d(inputs, middle, 1)
        self.bn1 = _batch_norm(middle)
        self.conv_dw = SameConv2d(middle, middle, kernel, stride, groups=middle)
        self.bn2 = _batch_norm(middle)
        self.conv_pwl = SameConv2d(middle, outputs, 1)
        self.bn3 = _batch_norm(outputs)
        self.skips = stride == 1 and inputs == outputs

    def forward(self, features: Tensor) -> Tensor:
        deep = functional.relu6(self.bn1(self.conv_pw(features)))
        deep = functional.relu6(self.bn2(self.conv_dw(deep)))
        deep = self.bn3(self.conv_pwl(deep))
        return torch.add(features, deep) if self.skips else deep


def _batch_norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=_BATCH_NORM_EPSILON, momentum=_BATCH_NORM_MOMENTUM)
