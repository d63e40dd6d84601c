"""DPT_Large: the published file under transformers' names, and the stage around it, without transformers."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from convert.errors import CheckpointError, ConvertError
from convert.networks.dpt import DptStage, open_dpt
from convert.networks.dpt_keys import to_transformers
from tests.convert.networks.known_weights import reference_shapes


def test_the_published_keys_become_those_of_transformers() -> None:
    published = {
        key: torch.empty(shape, device="meta") for key, shape in reference_shapes("dpt-large").items()
    }
    renamed = to_transformers(published)
    # Of transformers 5.23.0's DPTForDepthEstimation in the size of DPT_Large.
    assert {key: tuple(value.shape) for key, value in renamed.items()} == reference_shapes(
        "dpt-large-transformers"
    )


def test_query_key_and_value_are_told_apart() -> None:
    joined = torch.arange(6.0).reshape(6, 1)
    renamed = to_transformers({"pretrained.model.blocks.11.attn.qkv.weight": joined})
    attention = "dpt.encoder.layer.11.attention.attention"
    assert {key: value.flatten().tolist() for key, value in renamed.items()} == {
        f"{attention}.query.weight": [0, 1],
        f"{attention}.key.weight": [2, 3],
        f"{attention}.value.weight": [4, 5],
    }


def test_unknown_keys_stay_and_are_found_by_whoever_loads() -> None:
    assert to_transformers({"strange.key": torch.zeros(1)}).keys() == {"strange.key"}


class Brightness(nn.Module):
    """Takes and gives what transformers' network does; the depth is the red channel."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, pixel_values: Tensor) -> SimpleNamespace:
        assert pixel_values.shape[0] == 1, "one at a time"
        return SimpleNamespace(predicted_depth=pixel_values[:, 0] * self.gain)


def test_the_stage_takes_and_gives_channels_last() -> None:
    stage = DptStage(Brightness(), 32)
    images = np.random.default_rng(0).random((3, 32, 32, 3), np.float32)
    (depth,) = stage.run(images)
    assert depth.shape == (3, 32, 32, 1)
    np.testing.assert_array_equal(depth[..., 0], images[..., 0])
    assert (stage.spec.height, stage.spec.width, stage.spec.mean) == (32, 32, (0.5, 0.5, 0.5))
    with pytest.raises(ConvertError, match=r"where dpt-large takes \(32, 32, 3\)"):
        stage.run(np.zeros((1, 64, 32, 3), np.float32))


def test_without_transformers_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(CheckpointError, match=r"pip install transformers$"):
        open_dpt(tmp_path / "dpt_large_384.pt")


@pytest.fixture
def transformers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Stand in for the library, with a network of one number."""

    class DPTForDepthEstimation(Brightness):
        missing: tuple[str, ...] = ()

        def __init__(self, config: object) -> None:
            super().__init__()
            self.config = config

        @classmethod
        def from_pretrained(
            cls, _source: object, **_options: object
        ) -> tuple["DPTForDepthEstimation", dict[str, object]]:
            network = cls(SimpleNamespace(image_size=64))
            return network, {"missing_keys": cls.missing, "mismatched_keys": ()}

    module = ModuleType("transformers")
    module.__dict__.update(DPTConfig=SimpleNamespace, DPTForDepthEstimation=DPTForDepthEstimation)
    monkeypatch.setitem(sys.modules, "transformers", module)
    return module


@pytest.mark.usefixtures("transformers")
def test_a_file_loads_strictly(tmp_path: Path) -> None:
    torch.save({"gain": torch.full((1,), 2.0)}, tmp_path / "dpt.pt")
    stage = open_dpt(tmp_path / "dpt.pt")
    (depth,) = stage.run(np.ones((1, 384, 384, 3), np.float32))
    assert np.unique(depth) == [2.0]
    torch.save({"gain": torch.zeros(1), "other": torch.zeros(1)}, tmp_path / "dpt.pt")
    with pytest.raises(CheckpointError, match=r"1 keys unexpected \(other\)"):
        open_dpt(tmp_path / "dpt.pt")


def test_a_folder_that_lacks_weights_is_refused(transformers: ModuleType, tmp_path: Path) -> None:
    assert open_dpt(tmp_path).spec.height == 64
    transformers.DPTForDepthEstimation.missing = ("head.head.4.bias",)
    with pytest.raises(CheckpointError, match="not all weights of a DPT are in it"):
        open_dpt(tmp_path)
