"""Tiny .tflite files that are networks of the workshop's kind: one convolution for each output."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from convert.networks.spec import NetworkSpec, Output
from tests.convert.tflite.models import CONV, Builder

DEPTH = Output("inverse_depth", "inverse_depth")
CLASSES = Output("segmentation", "segmentation", ("clean", "rice"))

SPEC = NetworkSpec("tiny", 4, 6, (CLASSES, DEPTH))
"""Scores of class 0 are red minus green, of class 1 blue; depth is twice the green."""

WEIGHTS = {CLASSES.name: [[1.0, -1.0, 0.0], [0.0, 0.0, 1.0]], DEPTH.name: [[0.0, 2.0, 0.0]]}

INPUT_SCALE, INPUT_ZERO = 0.02, -3
OUTPUT_SCALE, OUTPUT_ZERO = 0.05, 7


def tiny(
    dtype: str = "float32", *, names: Sequence[str] = (DEPTH.name, CLASSES.name), spec: NetworkSpec = SPEC
) -> bytes:
    """Return the file; the outputs come in another order than the spec's, under `names`."""
    b = Builder()
    zero = {"int8": 0, "uint8": 128}.get(dtype, 0)
    border: dict[str, Any] = (
        {"scales": ()}
        if dtype == "float32"
        else {"scales": (INPUT_SCALE,), "zero_points": (INPUT_ZERO + zero,)}
    )
    image = b.tensor((1, spec.height, spec.width, 3), dtype, name="image", **border)
    outputs = [
        _conv(b, image, dtype, WEIGHTS[kind.name], name)
        for kind, name in zip((DEPTH, CLASSES), names, strict=True)
    ]
    return b.pack([image], outputs)


def _conv(b: Builder, image: int, dtype: str, weights: list[list[float]], name: str) -> int:
    _, height, width, _ = b.tensors[image].shape
    real = np.array(weights, np.float32)[:, None, None, :]
    shape = (1, height, width, len(weights))
    if dtype == "float32":
        kernel = b.constant(real, "float32")
        bias = b.constant(np.zeros(len(weights)), "float32")
        result = b.tensor(shape, "float32", name=name)
    else:
        signed = dtype == "int8"
        steps = [np.abs(row).max() / 127 for row in real] if signed else [2 / 127]
        zero = 0 if signed else 128
        held = np.rint(real / np.array(steps)[:, None, None, None]) + zero
        kernel = b.constant(held, dtype, scales=steps, zero_points=(zero,))
        bias = b.constant(np.zeros(len(weights)), "int32", scales=[INPUT_SCALE * s for s in steps])
        result = b.tensor(shape, dtype, name=name, scales=(OUTPUT_SCALE,), zero_points=(OUTPUT_ZERO + zero,))
    return b.operator("CONV_2D", (image, kernel, bias), (result,), CONV, version=3 if dtype == "int8" else 1)
