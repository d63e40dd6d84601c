"""From a network's raw output tensors to what they mean; pure functions."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from appliance.errors import BrokenRunError
from appliance.inference.manifest import Meaning, OutputSignature, TensorSignature
from appliance.inference.quantisation import dequantise

Array = npt.NDArray[np.float32]


def softmax(scores: npt.NDArray[np.floating[Any]], axis: int = -1) -> npt.NDArray[np.float64]:
    """Return probabilities along an axis, computed in float64."""
    powers = np.exp(scores.astype(np.float64) - scores.max(axis=axis, keepdims=True))
    return np.asarray(powers / powers.sum(axis=axis, keepdims=True))


def real_values(tensor: npt.NDArray[Any], signature: TensorSignature) -> Array:
    """Return the real numbers (float32) of an output tensor; a float32 one is returned as it is."""
    if signature.scale is None or signature.zero_point is None:
        return np.asarray(tensor, np.float32)
    return dequantise(tensor, signature.scale, signature.zero_point)


def by_meaning(
    tensors: Sequence[npt.NDArray[Any]], signatures: Sequence[OutputSignature]
) -> Mapping[Meaning, Array]:
    """Return the real numbers of a run's outputs, without the batch's axis, by what they mean.

    Raises `BrokenRunError` where one is not finite.
    """
    found: dict[Meaning, Array] = {}
    for tensor, signature in zip(tensors, signatures, strict=True):
        values = real_values(tensor, signature)[0]
        if not np.isfinite(values).all():
            raise BrokenRunError(f"its {signature.meaning} has values that are no finite numbers")
        found[signature.meaning] = values
    return found


def depth_map(values: Array) -> Array:
    """Return inverse depth (H, W, 1) as a map (H, W)."""
    return np.ascontiguousarray(values[..., 0])


def class_probabilities(scores: Array) -> Array:
    """Return class probabilities (C, H, W) of scores (H, W, C)."""
    # Channels first before the powers are taken: sums over a short last axis are slow.
    return softmax(np.ascontiguousarray(scores.transpose(2, 0, 1)), axis=0).astype(np.float32)
