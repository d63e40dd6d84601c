"""DPT_Large is the published one; its stage, and where its weights come from, without transformers."""

import sys
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from convert.errors import CheckpointError, ConvertError
from convert.networks import dpt
from convert.networks.dpt import DptStage, open_dpt
from convert.networks.dpt_network import Dpt, DptSize
from convert.networks.state import fill
from tests.convert.networks.known_weights import (
    known_picture,
    known_state,
    largest_difference,
    reference_outputs,
    reference_shapes,
    shapes_of,
)

TINY = DptSize(side_px=64, width=32, blocks=4, heads=2, taps=(0, 1, 2, 3), necks=(8, 12, 16, 20), features=16)


def test_it_has_the_published_keys() -> None:
    with torch.device("meta"):
        network = Dpt()
    published = reference_shapes("dpt-large")
    unused = {key for key in published if key.startswith("pretrained.model.head.")}
    assert len(unused) == 2
    assert shapes_of(network) == {key: published[key] for key in published.keys() - unused}
    assert sum(parameter.numel() for parameter in network.parameters()) == 343_030_465


def test_it_gives_the_outputs_of_transformers() -> None:
    network = Dpt(TINY).eval()
    fill(network, known_state(shapes_of(network)), "known weights")
    with torch.inference_mode():
        depth = network.double()(known_picture(64, 64).double())
    assert depth.shape == (1, 1, 64, 64)
    assert largest_difference(depth, reference_outputs("dpt")["64x64"]) < 1e-7


class Brightness(nn.Module):
    """A network of one number, whose depth is the red channel."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, image: Tensor) -> Tensor:
        assert image.shape[0] == 1, "one at a time"
        return image[:, :1] * self.gain


def test_the_stage_takes_and_gives_channels_last() -> None:
    stage = DptStage(Brightness(), 32)
    images = np.random.default_rng(0).random((3, 32, 32, 3), np.float32)
    (depth,) = stage.run(images)
    assert depth.shape == (3, 32, 32, 1)
    np.testing.assert_array_equal(depth[..., 0], images[..., 0])
    assert (stage.spec.height, stage.spec.width, stage.spec.mean) == (32, 32, (0.5, 0.5, 0.5))
    with pytest.raises(ConvertError, match=r"where dpt-large takes \(32, 32, 3\)"):
        stage.run(np.zeros((1, 64, 32, 3), np.float32))


def test_a_file_loads_strictly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(dpt, "Dpt", partial(Dpt, TINY))
    state = known_state(shapes_of(Dpt(TINY)))
    torch.save({**state, "pretrained.model.head.bias": torch.zeros(1000)}, tmp_path / "dpt.pt")
    (depth,) = open_dpt(tmp_path / "dpt.pt").run(known_picture(64, 64).numpy().transpose(0, 2, 3, 1))
    found = torch.from_numpy(depth.transpose(0, 3, 1, 2))
    assert largest_difference(found, reference_outputs("dpt")["64x64"]) < 1e-4
    torch.save({**state, "other": torch.zeros(1)}, tmp_path / "dpt.pt")
    with pytest.raises(CheckpointError, match=r"1 keys unexpected \(other\)"):
        open_dpt(tmp_path / "dpt.pt")


def test_without_transformers_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(CheckpointError, match=r"pip install transformers, or give dpt_large_384\.pt$"):
        open_dpt(tmp_path)


@pytest.fixture
def transformers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Stand in for the library, with a network of one number."""

    class DPTForDepthEstimation(Brightness):
        missing: tuple[str, ...] = ()
        config = SimpleNamespace(image_size=64)

        def forward(self, pixel_values: Tensor) -> SimpleNamespace:  # type: ignore[override]
            return SimpleNamespace(predicted_depth=super().forward(pixel_values)[:, 0])

        @classmethod
        def from_pretrained(
            cls, _source: object, **_options: object
        ) -> tuple["DPTForDepthEstimation", dict[str, object]]:
            return cls(), {"missing_keys": cls.missing, "mismatched_keys": ()}

    module = ModuleType("transformers")
    module.__dict__.update(DPTForDepthEstimation=DPTForDepthEstimation)
    monkeypatch.setitem(sys.modules, "transformers", module)
    return module


@pytest.mark.usefixtures("transformers")
def test_a_folder_is_opened_by_transformers(tmp_path: Path) -> None:
    images = np.random.default_rng(0).random((2, 64, 64, 3), np.float32)
    (depth,) = open_dpt(tmp_path).run(images)
    np.testing.assert_array_equal(depth, images[..., :1])


def test_a_folder_that_lacks_weights_is_refused(transformers: ModuleType, tmp_path: Path) -> None:
    transformers.DPTForDepthEstimation.missing = ("head.head.4.bias",)
    with pytest.raises(CheckpointError, match="not all weights of a DPT are in it"):
        open_dpt(tmp_path)
