"""The original study's way: its back projection, and its networks in PyTorch, in single precision.

Weights are random: the arithmetic is the same. What the study left open, or does more of, is decided in its
favour: trays are found and rectified by the appliance; MiDaS's own transform would keep a tray's proportions
and give DPT_Large 384x512 pixels, not 384x384; and the classifier looks at the tray once, not at every
compartment.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from appliance.clock import SystemClock
from appliance.estimate import back_projection, depth
from appliance.estimate.back_projection import BackProjectionParameters, References
from appliance.estimate.depth import DepthReferences
from appliance.estimate.estimate import Estimate
from appliance.estimate.fusion import fuse, study_weights
from appliance.estimate.network_estimates import on_grid
from appliance.picture import Picture
from appliance.service.stages import Stages
from appliance.tray.calibration_folder import load_calibration
from appliance.tray.references import Calibration
from benchmarks.way import THREADS, rectified
from convert.networks.build import midas, resnet
from convert.networks.dpt import DptStage
from convert.networks.dpt_network import DPT_LARGE, Dpt, DptSize
from convert.networks.network import Network
from convert.networks.resnet import Depth, quantity
from convert.networks.spec import NetworkSpec
from convert.networks.stage import Stage
from convert.networks.torch_stage import torch_stage
from convert.pictures import network_input

_CLASSIFIER_PX = 224
"""What torchvision's own transform gives a ResNet."""

_UNSURE = 0.2
"""Standard deviation of a class of leftover; no matter for the time."""

_Runs = tuple[NetworkSpec, Stage]


class PytorchWay:
    """A `Way` with one network for depth and a classifier of how much is left, each by `_Runs`."""

    def __init__(
        self, folders: Sequence[Path], depth_network: _Runs, classifier: _Runs, weights_mb: float
    ) -> None:
        self.weights_mb = weights_mb
        self._depth_network, self._classifier = depth_network, classifier
        self._sites = [self._learnt(load_calibration(folder)) for folder in folders]

    def measure(self, calibration: int, picture: Picture) -> Mapping[str, float]:
        """Measure a tray; see `Way`."""
        (site, projection, references), stages = self._sites[calibration], Stages(SystemClock())
        view, valid = rectified(picture, site, stages)
        with stages.time("back_projection"):
            projected = back_projection.estimate(view, valid, projection)
        with stages.time("depth"):
            map_ = self._depth(view)
            deep = depth.estimate(map_, on_grid(valid, map_.shape), references)
        with stages.time("classification"):
            (left,), (confidence,) = quantity(_run(self._classifier, view))
        with stages.time("fuse"):
            classified = Estimate(float(left), _UNSURE, float(confidence))
            for id_, one in projected.items():
                three = {"back_projection": one.estimate, "depth": deep[id_], "segmentation": classified}
                fuse(three, study_weights(three.keys(), classified.confidence))
        return stages.latency_ms()

    def close(self) -> None:
        """Nothing to let go of."""

    def _learnt(self, calibration: Calibration) -> tuple[Calibration, References, DepthReferences]:
        assert calibration.full is not None
        projection = back_projection.prepare(calibration, BackProjectionParameters(method="study"))
        references = depth.prepare(
            calibration.layout, self._depth(calibration.empty), self._depth(calibration.full)
        )
        return calibration, projection, references

    def _depth(self, view: Picture) -> npt.NDArray[np.float32]:
        return _run(self._depth_network, view)[0, ..., 0]


def study_way(folders: Sequence[Path], size: DptSize = DPT_LARGE) -> PytorchWay:
    """Return the study's way: DPT_Large (or a DPT of another size) and ResNet-50."""
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    dpt = Dpt(size)
    _keep_above_zero(dpt.scratch.last)
    stage, classifier = DptStage(dpt, size.side_px), _classifier(50)
    return PytorchWay(folders, (stage.spec, stage), _runs(classifier), _weights_mb(dpt, classifier))


def light_way(folders: Sequence[Path]) -> PytorchWay:
    """Return the study's way with its lightest networks, MiDaS v2.1 small at 256x256 and ResNet-18."""
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    small, classifier = midas("lite3"), _classifier(18)
    _keep_above_zero(small.scratch.last)
    return PytorchWay(folders, _runs(small), _runs(classifier), _weights_mb(small, classifier))


def _classifier(layers: Depth) -> Network:
    """Return torchvision's ResNet with the study's five classes of leftover."""
    return resnet(layers, height=_CLASSIFIER_PX, width=_CLASSIFIER_PX, heads=("quantity",), stages=4)


def _keep_above_zero(last: nn.Conv2d) -> None:
    """Keep random depths where the last ReLU does not hide them: they vary by little, and now around 1."""
    assert last.bias is not None
    nn.init.ones_(last.bias)


def _runs(network: Network) -> _Runs:
    return network.spec, torch_stage(network)


def _run(network: _Runs, view: Picture) -> npt.NDArray[np.float32]:
    spec, stage = network
    return stage.run(network_input(view, spec)[None])[0]


def _weights_mb(*networks: nn.Module) -> float:
    return sum(p.numel() * p.element_size() for network in networks for p in network.parameters()) / 1e6
