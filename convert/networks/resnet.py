"""ResNet for trays: what lies where (segmentation), and how much is left (the study's quantity head).

He et al., "Deep Residual Learning", CVPR 2016, with the stride in the 3x3 convolution as torchvision has it;
the encoder's keys are torchvision's.
"""

from collections.abc import Sequence
from typing import Final, Literal, cast

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn
from torch.nn import functional

from convert.networks.network import Network
from convert.networks.padding import max_pool
from convert.networks.spec import QUANTITY_CLASSES, QUANTITY_FRACTIONS, TRAY_CLASSES, NetworkSpec, Output

Depth = Literal[18, 50]
Head = Literal["segmentation", "quantity"]

_BLOCKS: Final[dict[Depth, tuple[int, int, int, int]]] = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}
_STEM_CHANNELS = 64

OUTPUTS: Final[dict[Head, Output]] = {
    "segmentation": Output("segmentation", "segmentation", TRAY_CLASSES),
    "quantity": Output("quantity", "quantity", QUANTITY_CLASSES),
}


class ResNetTray(Network):
    """Scores (before softmax) of the classes of every pixel (N, 7, H, W), of the quantity (N, 5), or both.

    `stages` of 3 leaves out torchvision's layer4, which holds three quarters of ResNet-18's weights: only
    so does it fit the Edge TPU's memory together with a MiDaS on lite0.
    """

    def __init__(
        self,
        depth: Depth,
        height: int,
        width: int,
        *,
        heads: Sequence[Head] = ("segmentation", "quantity"),
        stages: int = 3,
        decoder_channels: int = 64,
    ) -> None:
        outputs = tuple(OUTPUTS[head] for head in heads)
        super().__init__(NetworkSpec(f"resnet{depth}", height, width, outputs))
        self.encoder = ResNetEncoder(depth, stages)
        self.heads = nn.ModuleDict()
        for head in heads:
            self.heads[head] = (
                SegmentationHead(self.encoder.channels, decoder_channels, len(TRAY_CLASSES))
                if head == "segmentation"
                else QuantityHead(self.encoder.channels[-1], len(QUANTITY_CLASSES))
            )

    @property
    def options(self) -> dict[str, str]:
        """Return the order of the heads."""
        return {"heads": " ".join(self.heads)}

    @property
    def backbone(self) -> "ResNetEncoder":
        """The part that ImageNet weights fit."""
        return self.encoder

    @property
    def quantity_head(self) -> "QuantityHead | None":
        """The classifier of what is left, if the network has one."""
        return cast("QuantityHead", self.heads["quantity"]) if "quantity" in self.heads else None

    @property
    def classifiers(self) -> "dict[str, nn.Conv2d | nn.Linear]":
        """The last layer with weights of each head, in the order of the heads; its scale is the scores'."""
        return {
            name: head.classify if isinstance(head, SegmentationHead) else cast("QuantityHead", head).fc
            for name, head in self.heads.items()
        }

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Return each head's scores, in the order of the heads."""
        features = self.encoder(image)
        return tuple(head(features) for head in self.heads.values())


class ResNetEncoder(nn.Module):
    """Feature maps at 1/4, 1/8, … of the picture, one per stage, `channels` wide, finest first."""

    def __init__(self, depth: Depth, stages: int = 4) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, _STEM_CHANNELS, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(_STEM_CHANNELS)
        block = _Basic if depth == 18 else _Bottleneck
        inputs = _STEM_CHANNELS
        widths = []
        for stage, repeats in enumerate(_BLOCKS[depth][:stages]):
            middle = _STEM_CHANNELS * 2**stage
            blocks: list[nn.Module] = []
            for repeat in range(repeats):
                stride = 2 if repeat == 0 and stage > 0 else 1
                blocks.append(block(inputs, middle, stride))
                inputs = middle * block.expansion
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
            widths.append(inputs)
        self.channels = tuple(widths)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Return one feature map per stage of `image` (N, 3, H, W)."""
        features = max_pool(functional.relu(self.bn1(self.conv1(image))))
        levels = []
        for stage in range(len(self.channels)):
            features = self.get_submodule(f"layer{stage + 1}")(features)
            levels.append(features)
        return tuple(levels)


class SegmentationHead(nn.Module):
    """A feature pyramid (Lin et al., CVPR 2017) of one narrow width, doubled bilinearly up to full size."""

    def __init__(self, channels: Sequence[int], width: int, classes: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(_convolution(inputs, width, 1) for inputs in channels)
        self.smooth = nn.ModuleList(
            nn.Sequential(_convolution(width, width, 3), nn.ReLU6()) for _ in channels
        )
        self.classify = nn.Conv2d(width, classes, 1)

    def forward(self, features: tuple[Tensor, ...]) -> Tensor:
        """Return scores (N, classes, H, W) of an encoder's `features`."""
        sides = [lateral(level) for lateral, level in zip(self.lateral, features, strict=True)]
        path = self.smooth[-1](sides[-1])
        for smooth, side in zip(self.smooth[-2::-1], sides[-2::-1], strict=True):
            path = smooth(side + _doubled(path))
        # The finest level is a quarter of the picture's size. Doubling is what the Edge TPU is known to map.
        return _doubled(_doubled(self.classify(path)))


class QuantityHead(nn.Module):
    """The study's classifier of how much is left: mean of the coarsest features, one linear layer."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.fc = nn.Linear(channels, classes)

    def forward(self, features: tuple[Tensor, ...]) -> Tensor:
        """Return scores (N, classes) of an encoder's `features`."""
        # A mean over two axes is the same number, but would reach TFLite with a TRANSPOSE.
        scores: Tensor = self.fc(functional.adaptive_avg_pool2d(features[-1], 1).flatten(1))
        return scores


def quantity(scores: npt.NDArray[np.floating]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return leftover fraction and confidence, each (N,), of quantity scores (N, 5) before softmax.

    The fraction is that of the most probable class (0.1, 0.3 … 0.9), the confidence its softmax probability.
    """
    scores = np.asarray(scores, np.float64)
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    probabilities = exponentials / exponentials.sum(axis=-1, keepdims=True)
    best = scores.argmax(axis=-1)
    fractions = np.asarray(QUANTITY_FRACTIONS)[best]
    return fractions, np.take_along_axis(probabilities, best[..., None], axis=-1)[..., 0]


class _Basic(nn.Module):
    """Two 3x3 convolutions beside a skip: ResNet-18's block."""

    expansion: Final = 1

    def __init__(self, inputs: int, middle: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, middle, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(middle)
        self.conv2 = nn.Conv2d(middle, middle, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(middle)
        self.downsample = _projection(inputs, middle, stride)

    def forward(self, features: Tensor) -> Tensor:
        deep = functional.relu(self.bn1(self.conv1(features)))
        deep = self.bn2(self.conv2(deep))
        return functional.relu(deep + (features if self.downsample is None else self.downsample(features)))


class _Bottleneck(nn.Module):
    """Narrow, filter, widen, beside a skip: ResNet-50's block."""

    expansion: Final = 4

    def __init__(self, inputs: int, middle: int, stride: int) -> None:
        super().__init__()
        outputs = middle * self.expansion
        self.conv1 = nn.Conv2d(inputs, middle, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(middle)
        self.conv2 = nn.Conv2d(middle, middle, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(middle)
        self.conv3 = nn.Conv2d(middle, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = _projection(inputs, outputs, stride)

    def forward(self, features: Tensor) -> Tensor:
        deep = functional.relu(self.bn1(self.conv1(features)))
        deep = functional.relu(self.bn2(self.conv2(deep)))
        deep = self.bn3(self.conv3(deep))
        return functional.relu(deep + (features if self.downsample is None else self.downsample(features)))


def _projection(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


def _convolution(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(outputs)
    )


def _doubled(features: Tensor) -> Tensor:
    return functional.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)
