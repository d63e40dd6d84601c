"""A checkpoint tells which network it is of."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from convert.errors import CheckpointError
from convert.networks.build import midas, resnet
from convert.networks.network import Network
from convert.networks.recognise import open_checkpoint
from convert.networks.state import save_checkpoint


def saved(state: dict[str, Tensor], folder: Path) -> Path:
    path = folder / "checkpoint.pt"
    torch.save(state, path)
    return path


def of_torchvision(network: Network, classes: int) -> dict[str, Tensor]:
    """The state dict as torchvision's ResNet would have it."""
    state = {
        key.removeprefix("encoder."): value
        for key, value in network.state_dict().items()
        if key.startswith("encoder.")
    }
    inputs = max(value.shape[0] for value in state.values() if value.ndim == 4)
    return state | {"fc.weight": torch.full((classes, inputs), 0.25), "fc.bias": torch.arange(classes) / 8}


@pytest.mark.parametrize(
    "network",
    [
        pytest.param(midas("lite0", height=64, width=96), id="lite0"),
        pytest.param(midas("lite2", height=64, width=96, features=32), id="narrow lite2"),
        pytest.param(midas("lite1", height=64, width=96, expand=True), id="widening lite1"),
        pytest.param(midas("lite3", height=64, width=96), id="the published one"),
        pytest.param(resnet(18, height=64, width=96), id="resnet18"),
        pytest.param(resnet(18, height=64, width=96, stages=4, decoder_channels=32), id="whole resnet18"),
        pytest.param(resnet(18, height=64, width=96, heads=("segmentation",)), id="segmentation alone"),
        pytest.param(resnet(50, height=64, width=96, heads=("quantity",)), id="resnet50, quantity alone"),
    ],
)
def test_every_network_is_known_by_its_checkpoint(network: Network, tmp_path: Path) -> None:
    opened = open_checkpoint(saved(network.state_dict(), tmp_path), height=64, width=96)
    assert opened.spec == network.spec
    picture = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        pairs = zip(opened(picture), network(picture), strict=True)
    assert all(torch.equal(found, wanted) for found, wanted in pairs)


@pytest.mark.parametrize(
    "network",
    [
        pytest.param(midas("lite0", upsampling="align_corners", doubling="features"), id="as published"),
        pytest.param(midas("lite3", activation="relu6"), id="bounded"),
        pytest.param(resnet(18, heads=("quantity", "segmentation")), id="quantity first"),
    ],
)
def test_what_keys_do_not_tell_is_saved_beside_them(network: Network, tmp_path: Path) -> None:
    path = tmp_path / "network.pt"
    save_checkpoint(network, path)
    opened = open_checkpoint(path, height=256, width=256)
    assert opened.options == network.options
    assert opened.spec == network.spec
    picture = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        pairs = zip(opened(picture), network(picture), strict=True)
    assert all(torch.equal(found, wanted) for found, wanted in pairs)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"upsampling": "bicubic"}, "upsampling bicubic, which this version does not know"),
        ({"depth": "9"}, "depth 9, which this version does not know"),
        ({"upsampling": 3}, "options are not words"),
        ("half_pixel", "options are not words"),
    ],
)
def test_options_of_another_version_are_refused(options: object, said: str, tmp_path: Path) -> None:
    path = tmp_path / "network.pt"
    torch.save({"options": options, "state_dict": midas("lite0").state_dict()}, path)
    with pytest.raises(CheckpointError, match=said) as refusal:
        open_checkpoint(path, height=64, width=64)
    assert "\n" not in str(refusal.value)


def test_the_studys_classifier_becomes_the_quantity_head(tmp_path: Path) -> None:
    whole = resnet(18, stages=4, heads=("quantity",))
    path = saved(of_torchvision(whole, 5), tmp_path)
    opened = open_checkpoint(path, "resnet", height=256, width=256)
    assert [output.meaning for output in opened.spec.outputs] == ["quantity"]
    state = opened.state_dict()
    assert torch.equal(
        state["encoder.layer4.1.conv2.weight"], whole.encoder.state_dict()["layer4.1.conv2.weight"]
    )
    assert torch.equal(state["heads.quantity.fc.bias"], torch.arange(5) / 8)


def test_an_imagenet_classifier_is_no_network_for_trays(tmp_path: Path) -> None:
    path = saved(of_torchvision(resnet(18, stages=4, heads=("quantity",)), 1000), tmp_path)
    with pytest.raises(CheckpointError, match="encoder alone"):
        open_checkpoint(path, height=256, width=256)


def test_a_checkpoint_of_the_other_family_is_refused(tmp_path: Path) -> None:
    path = saved(resnet(18).state_dict(), tmp_path)
    with pytest.raises(CheckpointError, match="482"):
        open_checkpoint(path, "midas", height=256, width=256)


@pytest.mark.parametrize("change", ["missing", "extra"])
def test_a_key_too_few_or_too_many_is_named(change: str, tmp_path: Path) -> None:
    state = midas("lite0").state_dict()
    if change == "missing":
        del state["scratch.refinenet1.out_conv.weight"]
    else:
        state["scratch.refinenet9.out_conv.weight"] = torch.zeros(1)
    with pytest.raises(CheckpointError, match=r"refinenet[19]\.out_conv\.weight") as refusal:
        open_checkpoint(saved(state, tmp_path), height=64, width=64)
    assert "\n" not in str(refusal.value)
