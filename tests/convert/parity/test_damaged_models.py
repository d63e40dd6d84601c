"""Real int8 models that were made wrongly do not get through the gates; takes the converter's environment."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from convert.export import export_onnx
from convert.networks.build import build
from convert.networks.initialise import initialise
from convert.networks.spec import NetworkSpec
from convert.networks.stage import Array, Stage
from convert.networks.torch_stage import torch_stage
from convert.parity.compare import compare
from convert.parity.gates import DEFAULT, Gates, load_gates
from convert.parity.metrics import HIGHER_IS_BETTER
from convert.parity.result import ParityResult
from convert.pictures import simulated_inputs
from convert.routes import convert_onnx
from convert.tflite.run import tflite_stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

PICTURES = 8

FOR_RANDOM_WEIGHTS = """
[inverse_depth.int8]
aligned_error.mean = 0.35
raw_difference.mean = 0.5
area_error = { mean = 0.05, worst = 0.125 }
rank_correlation.p5 = 0.7
[segmentation.int8]
agreement = { mean = 0.9, worst = 0.8 }
miou.pooled = 0.6
confidence_difference.worst = 0.1
[quantity.int8]
fraction_difference = { mean = 0.05, worst = 0.125 }
confidence_difference.mean = 0.1
"""
"""Random weights make more of the same noise than trained ones; what is seen under these limits is seen under
the closer ones for trained weights, too."""


@dataclass
class Fed:
    """A stage that gets its pictures wrongly."""

    name: str
    stage: Stage
    change: Callable[[Array], Array]

    def run(self, images: Array) -> tuple[Array, ...]:
        return self.stage.run(np.ascontiguousarray(self.change(images), np.float32))


@dataclass
class Bench:
    """A network, an int8 file of it that was calibrated well, and one calibrated on a black picture."""

    spec: NetworkSpec
    reference: Stage
    good: Path
    blind: Path
    images: Array
    gates: Gates

    def judged(self, stage: Stage) -> ParityResult:
        names = [f"simulated {number}" for number in range(PICTURES)]
        return compare([self.reference, stage], self.spec, self.images, names, gates=self.gates)


@pytest.fixture(scope="module", params=["midas-lite0", "resnet18"])
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp(request.param)
    network = build(request.param, height=128, width=128)
    initialise(network, 0)
    spec = network.spec
    onnx = folder / f"{spec.name}.onnx"
    export_onnx(network, onnx)
    black = np.full((1, spec.height, spec.width, 3), -np.array(spec.mean) / np.array(spec.std), np.float32)
    good = convert_onnx(onnx, spec, simulated_inputs(spec, 32, seed=1), folder / "good").int8
    blind = convert_onnx(onnx, spec, black, folder / "blind").int8
    images = simulated_inputs(spec, PICTURES, seed=2)
    return Bench(spec, torch_stage(network), good, blind, images, loosened(folder))


def loosened(folder: Path) -> Gates:
    limits = folder / "gates.toml"
    limits.write_text(FOR_RANDOM_WEIGHTS)
    return load_gates(limits)


def test_what_random_weights_may_not_trained_ones_may_not(tmp_path: Path) -> None:
    for gate, trained in zip(loosened(tmp_path), DEFAULT, strict=True):
        low, high = sorted((gate.limit, trained.limit))
        assert gate.limit == (low if gate.metric in HIGHER_IS_BETTER else high)


def test_a_model_made_well_passes(bench: Bench) -> None:
    bench.judged(tflite_stage(bench.good, bench.spec)).enforce()


def test_a_model_calibrated_on_a_black_picture_does_not(bench: Bench) -> None:
    assert not bench.judged(tflite_stage(bench.blind, bench.spec)).passed


@pytest.mark.parametrize("fault", ["colours swapped", "not normalised", "mirrored"])
def test_a_model_fed_wrongly_does_not(bench: Bench, fault: str) -> None:
    mean, std = (np.array(values, np.float32) for values in (bench.spec.mean, bench.spec.std))
    faults: dict[str, Callable[[Array], Array]] = {
        "colours swapped": lambda images: images[..., ::-1],
        "not normalised": lambda images: images * std + mean,
        "mirrored": lambda images: images[:, :, ::-1],
    }
    stage = tflite_stage(bench.good, bench.spec)
    assert not bench.judged(Fed(stage.name, stage, faults[fault])).passed
