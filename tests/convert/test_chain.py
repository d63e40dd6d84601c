"""The chain, with TensorFlow's part replaced by files built beforehand; all else is real."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from appliance.errors import ModelError
from appliance.inference.manifest import Origin, load_manifest
from appliance.inference.verify import verify_file
from convert import chain
from convert.chain import Order, run_chain
from convert.errors import ConvertError, GateError, ToolError
from convert.networks.network import Network
from convert.networks.spec import NetworkSpec
from convert.networks.stage import Array
from convert.networks.torch_stage import torch_stage
from convert.parity.gates import DEFAULT
from convert.pictures import Pictures
from convert.routes import Converted
from tests.convert.tflite.networks import CLASSES, DEPTH, SPEC, WEIGHTS, tiny


class Tiny(Network):
    """What the .tflite files of `tiny` compute."""

    def __init__(self) -> None:
        super().__init__(SPEC)
        self.classes, self.depth = (
            nn.Conv2d(3, len(WEIGHTS[output.name]), 1, bias=False) for output in (CLASSES, DEPTH)
        )
        with torch.no_grad():
            for layer, output in ((self.classes, CLASSES), (self.depth, DEPTH)):
                layer.weight.copy_(torch.tensor(WEIGHTS[output.name])[:, :, None, None])

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        return self.classes(image), self.depth(image)


@dataclasses.dataclass(frozen=True)
class SavedModel:
    """PyTorch in the SavedModel's place."""

    name = "savedmodel"

    def run(self, images: Array) -> tuple[Array, ...]:
        return torch_stage(Tiny()).run(images)


@pytest.fixture(autouse=True)
def no_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    def convert_onnx(
        onnx: Path, _: NetworkSpec, calibration: Array, out: Path, *, route: str, io: str
    ) -> Converted:
        assert onnx.is_file()
        assert len(calibration)
        assert (route, io) == ("onnx2tf", "int8")
        made = Converted(
            out / "tiny-saved-model", out / "tiny-float32.tflite", out / "tiny-int8.tflite", {"onnx2tf": "1"}
        )
        made.saved_model.mkdir()
        made.float32.write_bytes(tiny("float32"))
        made.int8.write_bytes(tiny("int8"))
        return made

    monkeypatch.setattr(chain, "convert_onnx", convert_onnx)
    monkeypatch.setattr(chain, "saved_model_stage", lambda *_, **__: SavedModel())


def pictures(count: int) -> Pictures:
    images = np.random.default_rng(3).uniform(-2, 2, (count, SPEC.height, SPEC.width, 3)).astype(np.float32)
    return Pictures(tuple(f"picture {number}" for number in range(count)), images, "noise")


@pytest.fixture
def order() -> Order:
    origin = Origin(weights="a test's", trained=True, licence="Apache-2.0")
    return Order("tiny", Tiny(), origin, pictures(4), pictures(6), DEFAULT)


def impossible() -> tuple[chain.Gates, str]:
    gates = tuple(
        dataclasses.replace(gate, limit=0.0)
        if (gate.meaning, gate.transition, gate.metric) == ("inverse_depth", "int8", "aligned_error")
        else gate
        for gate in DEFAULT
    )
    return gates, "aligned_error"


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_model_is_shipped_with_its_manifest_card_and_stages(order: Order, tmp_path: Path) -> None:
    out = tmp_path / "new" / "models"
    entry = run_chain(order, out)
    (listed,) = load_manifest(out / "manifest.json").models
    assert listed == entry
    (file,) = entry.files
    verify_file(out, file)
    assert [output.meaning for output in file.outputs] == ["segmentation", "inverse_depth"]
    assert entry.parity["inverse_depth_aligned_error_mean"] < 0.05
    assert entry.cost["edgetpu_mapped"] == 2
    assert entry.tools["onnx2tf"] == "1"
    report = json.loads((out / "tiny" / "parity" / "report.json").read_text())
    assert report["passed"]
    assert {"tiny.md", "tiny/tiny.onnx", "tiny/tiny-float32.tflite", "tiny/tiny-int8.tflite"} <= everything(
        out
    )
    assert not [name for name in everything(out) if name.startswith(".")]


def test_the_device_gets_nothing_but_what_it_needs(order: Order, tmp_path: Path) -> None:
    entry = run_chain(dataclasses.replace(order, device_only=True), tmp_path)
    assert everything(tmp_path) == {entry.files[0].file, "manifest.json", "tiny.md"}


def test_the_same_order_gives_the_same_bytes(order: Order, tmp_path: Path) -> None:
    shipped = dataclasses.replace(order, device_only=True)
    folders = tmp_path / "a", tmp_path / "b"
    for folder in folders:
        run_chain(shipped, folder)
    first, second = (
        {name: (folder / name).read_bytes() for name in everything(folder)} for folder in folders
    )
    assert first == second


def test_a_refused_model_leaves_its_report_and_the_old_model(order: Order, tmp_path: Path) -> None:
    run_chain(order, tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in everything(tmp_path)}
    gates, metric = impossible()
    with pytest.raises(GateError, match=metric) as refusal:
        run_chain(dataclasses.replace(order, gates=gates), tmp_path)
    assert str(tmp_path / "tiny-refused" / "report.md") in str(refusal.value)
    assert "\n" not in str(refusal.value)
    after = {name: (tmp_path / name).read_bytes() for name in everything(tmp_path)}
    assert {name for name in after if name not in before} >= {"tiny-refused/report.md"}
    assert before.items() <= after.items()
    run_chain(order, tmp_path)
    assert not (tmp_path / "tiny-refused").exists()


def test_a_refusal_can_be_overruled(order: Order, tmp_path: Path) -> None:
    gates, metric = impossible()
    entry = run_chain(dataclasses.replace(order, gates=gates, enforce=False), tmp_path)
    assert entry.files
    report = json.loads((tmp_path / "tiny" / "parity" / "report.json").read_text())
    assert {gate["metric"] for gate in report["gates"] if not gate["passed"]} == {metric}


def test_a_failed_conversion_leaves_no_folder(
    order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> Converted:
        raise ToolError("the converter failed")

    monkeypatch.setattr(chain, "convert_onnx", failing)
    with pytest.raises(ToolError, match="the converter failed"):
        run_chain(order, tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_a_damaged_manifest_is_known_before_the_work(
    order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(chain, "export_onnx")
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(ModelError, match=r"manifest\.json"):
        run_chain(order, tmp_path)
    assert everything(tmp_path) == {"manifest.json"}


def test_an_unwritable_folder_is_named(order: Order, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConvertError, match=r"file.*name another folder"):
        run_chain(order, tmp_path / "file" / "models")
