"""What goes into a network and what comes out, however it is run: PyTorch, ONNX, TFLite."""

from dataclasses import dataclass
from typing import Final

from appliance.estimate.contents import CLASSES
from appliance.inference.manifest import Meaning, Rgb

IMAGENET_MEAN: Final[Rgb] = (0.485, 0.456, 0.406)
IMAGENET_STD: Final[Rgb] = (0.229, 0.224, 0.225)

TRAY_CLASSES: Final = CLASSES
"""Classes of the segmentation, in the order of its channels."""

QUANTITY_FRACTIONS: Final = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Leftover fractions that the five quantity classes stand for."""

QUANTITY_CLASSES: Final = ("left_10", "left_30", "left_50", "left_70", "left_90")


@dataclass(frozen=True)
class Output:
    """One output: its name in ONNX files, what it means, and the classes of its channels (none for depth)."""

    name: str
    meaning: Meaning
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class NetworkSpec:
    """A network's interface.

    `name` names the architecture (`midas-lite3`, `resnet18`). The input is RGB, (pixel / 255 - mean) / std,
    of `height` x `width` pixels; PyTorch and ONNX take it as (N, 3, H, W) float32 named `image`, TFLite as
    (N, H, W, 3). Outputs in PyTorch and ONNX: inverse depth (N, 1, H, W), segmentation scores (N, C, H, W),
    quantity scores (N, C); a network returns them as a tuple in the order of `outputs`.
    """

    name: str
    height: int
    width: int
    outputs: tuple[Output, ...]
    mean: Rgb = IMAGENET_MEAN
    std: Rgb = IMAGENET_STD
    input_name: str = "image"
