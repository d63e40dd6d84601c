"""Stages that compute outputs from the picture's brightness, with chosen faults."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from convert.networks.spec import QUANTITY_CLASSES, TRAY_CLASSES, NetworkSpec, Output
from convert.networks.stage import Array

SIDE_PX = 32

SPEC = NetworkSpec(
    "fake",
    SIDE_PX,
    SIDE_PX,
    (
        Output("depth", "inverse_depth"),
        Output("classes", "segmentation", TRAY_CLASSES),
        Output("left", "quantity", QUANTITY_CLASSES),
    ),
)


@dataclass
class FakeStage:
    """Ideal outputs with noise of `noise` standard deviations, changed by `fault` (output number, array)."""

    name: str
    noise: float = 0.0
    fault: Callable[[int, Array], Array] = lambda _, array: array
    spec: NetworkSpec = SPEC
    batches: list[int] = field(default_factory=list)

    def run(self, images: Array) -> tuple[Array, ...]:
        self.batches.append(len(images))
        depth = images.mean(axis=-1, keepdims=True)
        brightness = depth.mean(axis=(1, 2))
        ideal = {
            "inverse_depth": depth,
            "segmentation": -4 * (depth - np.linspace(-1, 1, len(TRAY_CLASSES))) ** 2,
            "quantity": -4 * (brightness - np.linspace(-1, 1, len(QUANTITY_CLASSES))) ** 2,
        }
        # The same picture gets the same noise, in whatever batch it comes.
        noise = [np.random.default_rng(round(float(value) * 1e6) % 2**32) for value in brightness[:, 0]]
        found = []
        for number, output in enumerate(self.spec.outputs):
            array = ideal[output.meaning].astype(np.float32)
            rough = np.stack([rng.standard_normal(array.shape[1:]) for rng in noise])
            scaled = array + self.noise * array.std() * rough.astype(np.float32)
            found.append(self.fault(number, scaled.astype(np.float32)))
        return tuple(found)


def pictures(count: int, seed: int = 0) -> Array:
    """Smooth random pictures (count, SIDE_PX, SIDE_PX, 3), values about -1..1."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(-1, 1, (count, 8, 8, 3))
    return np.kron(coarse, np.ones((1, SIDE_PX // 8, SIDE_PX // 8, 1))).astype(np.float32)


def names(count: int) -> tuple[str, ...]:
    return tuple(f"picture {number}.jpg" for number in range(count))
