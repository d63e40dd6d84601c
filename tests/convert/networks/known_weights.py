"""Weights and pictures that anybody can make again, and what other implementations gave for them.

`reference/` holds keys, shapes and outputs (at the places that `sampled` picks) of isl-org/MiDaS's
MidasNet_small (64 features, expanded, exportable) on geffnet 1.0.2's tf_efficientnet_lite3, and of
torchvision 0.28.0's resnet18 and resnet50, in evaluation mode, float64, PyTorch 2.13.0; keys and shapes
of DPT_Large, as isl-org/MiDaS has them; and outputs of a tiny DPT of transformers 5.23.0, whose known weights
are those that the published keys stand for.
"""

import json
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

MIDAS_LAST_BIAS = "scratch.output_conv.4.bias"

REFERENCE = Path(__file__).parent / "reference"


def known_state(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Return a state dict in which every tensor depends on its key and shape alone.

    BatchNorm gets statistics of its own, convolutions keep the variance of what passes them, and MiDaS's last
    bias keeps most of its outputs above 0, where its last ReLU would hide them.
    """
    state = {key: torch.from_numpy(_values(key, shape)) for key, shape in shapes.items()}
    if MIDAS_LAST_BIAS in state:
        state[MIDAS_LAST_BIAS] += 20
    return state


def known_picture(height: int, width: int) -> Tensor:
    """Return (1, 3, H, W), float32, uniform in -1.7 to 1.7."""
    values = np.random.default_rng(height * 10_000 + width).random((1, 3, height, width))
    return torch.from_numpy(((values - 0.5) * 3.4).astype(np.float32))


def sampled(output: Tensor) -> list[float]:
    """Return 64 values, spread over the flattened tensor."""
    flat = output.detach().flatten()
    return [float(value) for value in flat[torch.linspace(0, len(flat) - 1, 64).long()]]


def reference_shapes(name: str) -> dict[str, tuple[int, ...]]:
    """Return key → shape of `reference/NAME.keys`: a key and the lengths of its sides per line."""
    lines = (REFERENCE / f"{name}.keys").read_text().splitlines()
    return {key: tuple(map(int, sides)) for key, *sides in (line.split() for line in lines)}


def reference_outputs(name: str) -> dict[str, list[float]]:
    """Return what the other implementation gave, by the size of its input."""
    outputs: dict[str, list[float]] = json.loads((REFERENCE / f"{name}.json").read_text())
    return outputs


def shapes_of(module: nn.Module) -> dict[str, tuple[int, ...]]:
    """Return key → shape of a network."""
    return {key: tuple(value.shape) for key, value in module.state_dict().items()}


def largest_difference(output: Tensor, expected: list[float]) -> float:
    """Return how far `sampled` outputs are off, as a fraction of the largest expected magnitude."""
    wanted = torch.tensor(expected, dtype=torch.float64)
    found = torch.tensor(sampled(output), dtype=torch.float64)
    return float((found - wanted).abs().max() / wanted.abs().max())


def _values(key: str, shape: tuple[int, ...]) -> np.ndarray:
    if key.endswith("num_batches_tracked"):
        return np.array(1)
    values = np.random.default_rng(zlib.crc32(key.encode())).random(shape)
    if key.endswith("running_var") or (key.endswith("weight") and len(shape) == 1):
        values = 0.5 + values
    elif key.endswith("weight"):
        fan_in = int(np.prod(shape[1:]))
        values = (values - 0.5) * np.sqrt(15 / fan_in)
    else:
        values = values * 0.4 - 0.1
    return values.astype(np.float32)
