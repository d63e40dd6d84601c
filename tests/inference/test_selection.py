from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.errors import ModelError
from appliance.estimate import contents
from appliance.inference.manifest import ModelEntry
from appliance.inference.selection import CLASSES, select
from tests.inference.entries import networks_folder, sha256, two_networks, write_manifest

MODELS = Path(__file__).resolve().parents[2] / "models"


def test_classes_are_those_of_the_estimators() -> None:
    assert CLASSES == contents.CLASSES


def test_the_models_that_ship_are_chosen() -> None:
    selection = select(MODELS)
    assert {network: entry.name for network, entry in selection.entries.items()} == {
        "depth": "midas",
        "segmentation": "resnet",
    }
    assert "cpu" in selection.devices


def test_files_and_versions_are_those_of_the_device(tmp_path: Path) -> None:
    selection = select(networks_folder(tmp_path / "models", devices=("cpu", "edgetpu")))
    assert selection.devices == ("edgetpu", "cpu")
    assert {network: file.file for network, file in selection.files("edgetpu").items()} == {
        "depth": "depth.edgetpu.tflite",
        "segmentation": "seg.edgetpu.tflite",
    }
    assert selection.versions("cpu") == {
        "depth": sha256(b"depth cpu")[:12],
        "seg": sha256(b"seg cpu")[:12],
    }


def test_a_device_is_usable_only_with_both_networks(tmp_path: Path) -> None:
    depth, segmentation = two_networks()
    only_cpu = segmentation.model_copy(update={"files": segmentation.files[:1]})
    write_manifest(tmp_path, depth, only_cpu)
    assert select(tmp_path).devices == ("cpu",)


def test_no_common_device(tmp_path: Path) -> None:
    depth, segmentation = two_networks()
    write_manifest(
        tmp_path,
        depth.model_copy(update={"files": depth.files[:1]}),
        segmentation.model_copy(update={"files": segmentation.files[1:]}),
    )
    with pytest.raises(ModelError, match="no device can run both"):
        select(tmp_path)


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        (lambda depth, _: [depth], "no models give segmentation"),
        (lambda _, segmentation: [segmentation], "no models give depth"),
        (lambda depth, segmentation: [depth, segmentation, _again(depth)], "2 models give depth"),
    ],
    ids=["depth only", "segmentation only", "two of one"],
)
def test_one_of_each_is_needed(tmp_path: Path, chosen: Callable[..., list[ModelEntry]], found: str) -> None:
    write_manifest(tmp_path, *chosen(*two_networks()))
    with pytest.raises(ModelError, match=found):
        select(tmp_path)


def test_other_classes_are_refused(tmp_path: Path) -> None:
    depth, segmentation = two_networks()
    files = []
    for file in segmentation.files:
        classes, quantity = file.outputs
        swapped = classes.model_copy(update={"classes": classes.classes[::-1]})
        files.append(file.model_copy(update={"outputs": (swapped, quantity)}))
    write_manifest(tmp_path, depth, segmentation.model_copy(update={"files": tuple(files)}))
    with pytest.raises(ModelError, match="has the classes foreign, solid"):
        select(tmp_path)


def test_a_folder_without_manifest(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"manifest\.json: missing"):
        select(tmp_path)


def _again(entry: ModelEntry) -> ModelEntry:
    files = tuple(file.model_copy(update={"file": f"again-{file.file}"}) for file in entry.files)
    return entry.model_copy(update={"name": f"{entry.name}_again", "files": files})
