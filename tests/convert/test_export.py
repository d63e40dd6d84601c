"""PyTorch → ONNX: what is written, that it is what PyTorch computes, and what happens when it is not."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from convert import export
from convert.errors import ConvertError, ModelFileError
from convert.export import export_onnx, onnx_stage
from convert.networks.build import midas, resnet
from convert.networks.initialise import initialise
from convert.networks.network import Network
from convert.networks.torch_stage import torch_stage

MAPPED = {
    "Conv",
    "Clip",
    "Relu",
    "Add",
    "Resize",
    "Pad",
    "MaxPool",
    "GlobalAveragePool",
    "Flatten",
    "Gemm",
    "Constant",
}
"""All of these become operators that the Edge TPU has."""


def small_midas() -> Network:
    return midas("lite0", height=64, width=96, features=8)


def small_resnet() -> Network:
    return resnet(18, height=64, width=96, stages=2, decoder_channels=8)


@pytest.fixture(scope="module", params=[small_midas, small_resnet], ids=["midas", "resnet"])
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Network, Path]:
    network: Network = request.param()
    initialise(network, 0)
    path = tmp_path_factory.mktemp("exported") / "network.onnx"
    export_onnx(network, path)
    return network, path


def test_the_file_is_opset_12_with_the_spec_s_names(exported: tuple[Network, Path]) -> None:
    network, path = exported
    model = onnx.load(path)
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 12)]
    assert [tensor.name for tensor in model.graph.input] == ["image"]
    assert [tensor.name for tensor in model.graph.output] == [output.name for output in network.spec.outputs]
    for tensor in (*model.graph.input, *model.graph.output):
        batch, *sides = tensor.type.tensor_type.shape.dim
        assert batch.dim_param == "batch"
        assert all(side.dim_value > 0 for side in sides)


def test_nothing_is_left_that_the_device_cannot_map(exported: tuple[Network, Path]) -> None:
    network, path = exported
    nodes = onnx.load(path).graph.node
    assert {node.op_type for node in nodes} <= MAPPED
    # BatchNorm has gone into the convolutions, and 'SAME' padding too; the max pool's alone stays.
    assert sum(node.op_type == "Pad" for node in nodes) == (1 if network.spec.name == "resnet18" else 0)


def test_the_stage_computes_what_pytorch_computes(exported: tuple[Network, Path]) -> None:
    network, path = exported
    stage = onnx_stage(path, network.spec)
    assert stage.name == "onnx"
    for batch in (1, 3):
        images = np.random.default_rng(7).standard_normal((batch, 64, 96, 3)).astype(np.float32)
        for expected, found in zip(torch_stage(network).run(images), stage.run(images), strict=True):
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def test_the_same_weights_give_the_same_bytes_in_training_too(
    exported: tuple[Network, Path], tmp_path: Path
) -> None:
    network, path = exported
    network.train()
    export_onnx(network, tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == path.read_bytes()


def test_a_file_that_computes_something_else_never_appears(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    network = small_resnet()
    initialise(network, 0)
    honest = export._exported

    def dishonest(network: Network) -> bytes:
        model = onnx.load_from_string(honest(network))
        weights = next(tensor for tensor in model.graph.initializer if len(tensor.dims) == 4)
        changed = np.frombuffer(weights.raw_data, np.float32) * np.float32(1.01)
        weights.raw_data = changed.tobytes()
        return model.SerializeToString()

    monkeypatch.setattr(export, "_exported", dishonest)
    with pytest.raises(ConvertError, match=r"ONNX differs from PyTorch by .* of the range of segmentation"):
        export_onnx(network, tmp_path / "network.onnx")
    assert list(tmp_path.iterdir()) == []


def test_outputs_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    network = small_resnet()
    with torch.no_grad():
        network.state_dict()["heads.segmentation.classify.bias"].fill_(float("nan"))
    with pytest.raises(ConvertError, match="differs from PyTorch by nan"):
        export_onnx(network, tmp_path / "network.onnx")
    assert list(tmp_path.iterdir()) == []


def test_an_export_says_nothing(capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder,
                                tmp_path: Path) -> None:  # fmt: skip
    export_onnx(small_resnet(), tmp_path / "network.onnx")
    assert capfd.readouterr() == ("", "")
    assert [str(warning.message) for warning in recwarn.list] == []


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConvertError, match="cannot be written"):
        export_onnx(small_resnet(), tmp_path / "absent" / "network.onnx")


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_files_that_are_cut_off_are_one_line(
    kept: float, exported: tuple[Network, Path], tmp_path: Path
) -> None:
    network, path = exported
    cut = tmp_path / "cut.onnx"
    whole = path.read_bytes()
    cut.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(ModelFileError, match="cut off") as caught:
        onnx_stage(cut, network.spec)
    assert "\n" not in str(caught.value)


def test_files_of_other_kinds_are_one_line(exported: tuple[Network, Path], tmp_path: Path) -> None:
    network, _ = exported
    with pytest.raises(ModelFileError, match="no such file"):
        onnx_stage(tmp_path / "absent.onnx", network.spec)
    with pytest.raises(ModelFileError, match="cannot be read"):
        onnx_stage(tmp_path, network.spec)
    other = tmp_path / "other.onnx"
    for content in (b"TFL3", b"\x00" * 100, np.random.default_rng(0).bytes(1000)):
        other.write_bytes(content)
        with pytest.raises(ModelFileError, match="not an ONNX model") as caught:
            onnx_stage(other, network.spec)
        assert "\n" not in str(caught.value)


def test_a_file_of_another_network_is_one_line(exported: tuple[Network, Path]) -> None:
    network, path = exported
    other = small_resnet() if network.spec.name != "resnet18" else small_midas()
    larger = midas("lite0", height=128, width=96)
    for spec in (other.spec, larger.spec):
        with pytest.raises(ModelFileError, match=r"unlike .*; export it again"):
            onnx_stage(path, spec)
