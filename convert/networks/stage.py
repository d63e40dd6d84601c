"""A network at one stage of its conversion, ready to run."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


class Stage(Protocol):
    """PyTorch, ONNX, TFLite or another form of one network; all take and give the same arrays."""

    @property
    def name(self) -> str:
        """Which stage this is, as `pytorch`, `onnx`, `savedmodel`, `tflite float32`, `tflite int8`."""

    def run(self, images: Array) -> tuple[Array, ...]:
        """Return the outputs in the order of the network's spec, channels last, dequantised.

        `images`: float32 (N, H, W, 3), RGB, normalised as the spec says. Inverse depth is (N, H, W, 1),
        segmentation scores (N, H, W, C), quantity scores (N, C).
        """
