"""Networks in a real process have to answer a known picture before they serve."""

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from appliance.budget import Budget
from appliance.clock import Deadline, SystemClock
from appliance.errors import ParityError
from appliance.inference.board import size_of
from appliance.inference.encode import Encoder
from appliance.inference.ladder import Ladder
from appliance.inference.manifest import FILE_NAME as MANIFEST_FILE
from appliance.inference.manifest import Device, ModelFile, load_manifest
from appliance.inference.open import open_networks
from appliance.inference.parity import FILE_NAME, answer_name, enlarged, kept, picture_name
from appliance.inference.process import Limits
from appliance.inference.selection import Network, Selection, select
from appliance.inference.settings import ModelSettings
from appliance.inference.trial import try_out
from appliance.inference.wire import Ready
from appliance.inference.worker import WorkerNetworks
from convert.manifest import manifest_bytes, model_file
from convert.parity.archive import Arrays, record_bytes
from tests.inference.child_engines import ChildEngine, open_engines
from tests.inference.entries import networks_folder

MODELS = Path(__file__).resolve().parents[2] / "models"
CLOCK = SystemClock()
LONG_S = 60.0
VIEW = np.zeros((60, 80, 3), np.uint8)


def soon() -> Deadline:
    return Deadline.after(LONG_S, CLOCK)


@pytest.fixture
def selection(tmp_path: Path) -> Selection:
    """Two networks of the tests' engines, with a record of what they answer."""
    selection = select(networks_folder(tmp_path / "models", devices=("cpu", "edgetpu")))
    picture = np.random.default_rng(1).integers(0, 256, (4, 4, 3)).astype(np.uint8)
    arrays = {picture_name((8, 8)): picture}
    for file in selection.files("cpu").values():
        tensor = Encoder(file.input).encode(enlarged(picture, size_of(file)))
        outputs = ChildEngine(file, tmp_path / "none").run(tensor)
        for signature, output in zip(file.outputs, outputs, strict=True):
            arrays[answer_name(file, signature.meaning)] = kept(output[0])
    (selection.folder / FILE_NAME).write_bytes(record_bytes(arrays))
    return selection


Start = Callable[..., WorkerNetworks]


@pytest.fixture
def start(selection: Selection, tmp_path: Path) -> Iterator[Start]:
    started: list[WorkerNetworks] = []

    def begin(*devices: Device, order: str = "") -> WorkerNetworks:
        (tmp_path / "orders").write_text(order)
        started.append(
            WorkerNetworks(
                selection,
                partial(open_engines, selection, tmp_path / "orders"),
                Ladder(devices, lambda: True, CLOCK.monotonic_s()),
                Limits(LONG_S, LONG_S, LONG_S, LONG_S, LONG_S, 2000),
                CLOCK,
            )
        )
        return started[-1]

    yield begin
    for networks in started:
        networks.close()


@pytest.mark.parametrize("device", ["cpu", "edgetpu"])
def test_networks_that_answer_as_recorded_serve(start: Start, device: Device) -> None:
    networks = start(device)
    assert networks.wait_until_ready(soon())
    assert networks.depth(VIEW, soon()).shape == (8, 8)
    assert networks.complaints() == ()


def test_networks_that_answer_otherwise_never_get_ready(start: Start) -> None:
    networks = start("cpu", order="garble on cpu")
    assert not networks.wait_until_ready(soon())
    with pytest.raises(ParityError, match="a known picture is not answered as on the workstation"):
        networks.depth(VIEW, soon())
    (said,) = networks.complaints()
    assert "on the processor: a known picture is not answered as" in said
    assert "depth (depth.cpu.tflite): inverse_depth has a raw_difference of " in said
    assert "segmentation (seg.cpu.tflite): segmentation has a" in said
    assert said.endswith("install the runtime and the models again")


def test_the_processor_stands_in_for_an_edge_tpu_that_answers_otherwise(start: Start) -> None:
    networks = start("edgetpu", "cpu", order="garble on edgetpu")
    deadline = soon()
    while not networks.wait_until_ready(deadline):
        assert not deadline.passed
    assert networks.device == "cpu"
    assert networks.depth(VIEW, soon()).shape == (8, 8)
    said = " ".join(networks.complaints())
    assert "the processor stands in for the Edge TPU: a known picture is not answered as" in said


def test_a_device_that_goes_wrong_while_it_serves_is_found_when_it_starts_again(
    start: Start, tmp_path: Path
) -> None:
    networks = start("cpu")
    assert networks.wait_until_ready(soon())
    (tmp_path / "orders").write_text("garble on cpu")
    process = networks._supervisor.serving
    assert process is not None
    process.kill()
    deadline = soon()
    while "not answered as on the workstation" not in " ".join(networks.complaints()):
        assert not deadline.passed
        CLOCK.sleep_s(0.02)
    assert not networks.wait_until_ready(soon())


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda file: file.unlink(), "parity.npz: missing; make it with convert self-test"),
        (lambda file: file.write_bytes(b"PK"), "parity.npz: damaged"),
        (lambda file: file.write_bytes(record_bytes({})), "parity.npz: knows no depth.cpu.tflite or seg"),
    ],
    ids=["none", "damaged", "of others"],
)
def test_without_a_fitting_record_they_serve_and_say_so(
    selection: Selection, start: Start, damage: Callable[[Path], object], why: str
) -> None:
    damage(selection.folder / FILE_NAME)
    networks = start("cpu")
    assert networks.wait_until_ready(soon())
    (said,) = networks.complaints()
    assert why in said
    assert said.endswith("the networks' answers are taken on trust")


def normalised_otherwise(folder: Path) -> None:
    """The manifest says another normalisation than the networks were recorded with."""
    manifest = load_manifest(folder / MANIFEST_FILE)
    other = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
    entries = [
        entry.model_copy(
            update={
                "files": tuple(
                    file.model_copy(update={"input": file.input.model_copy(update=other)})
                    for file in entry.files
                )
            }
        )
        for entry in manifest.models
    ]
    text = manifest_bytes(manifest.model_copy(update={"models": tuple(entries)}))
    (folder / MANIFEST_FILE).write_bytes(text)


def corrupted(folder: Path) -> None:
    """A layer of the depth network is other than recorded, and every checksum fits that."""
    manifest = load_manifest(folder / MANIFEST_FILE)
    (file,) = select(folder).entries["depth"].files
    path = folder / file.file
    content = bytearray(path.read_bytes())
    layer = largest_weights(path)
    at = content.index(layer)
    content[at : at + len(layer)] = layer[::-1]
    path.write_bytes(content)
    other = model_file(path, device="cpu", picture=file.input, outputs=file.outputs)
    entries = [
        entry.model_copy(update={"files": (other,)}) if file in entry.files else entry
        for entry in manifest.models
    ]
    text = manifest_bytes(manifest.model_copy(update={"models": tuple(entries)}))
    (folder / MANIFEST_FILE).write_bytes(text)
    (folder / FILE_NAME).write_bytes(record_bytes(renamed(folder / FILE_NAME, file, other)))


def largest_weights(path: Path) -> bytes:
    """Return the largest weights of a file: they are quantised by channel."""
    interpreter = Interpreter(str(path))
    weights = [
        one
        for one in interpreter.get_tensor_details()
        if len(one["quantization_parameters"]["scales"]) > 1 and one["dtype"] == np.int8
    ]
    chosen = max(weights, key=lambda one: np.prod(one["shape"]))
    found: bytes = interpreter.get_tensor(chosen["index"]).tobytes()
    return found


def renamed(record: Path, before: ModelFile, after: ModelFile) -> Arrays:
    with np.load(record, allow_pickle=False) as arrays:
        return {name.replace(before.sha256, after.sha256): arrays[name] for name in arrays}


@pytest.mark.parametrize(
    ("damage", "networks_at_fault"),
    [(normalised_otherwise, ("depth", "segmentation")), (corrupted, ("depth",))],
)
def test_shipped_networks_that_are_not_what_was_recorded_never_get_ready(
    tmp_path: Path, damage: Callable[[Path], None], networks_at_fault: tuple[Network, ...]
) -> None:
    folder = shutil.copytree(MODELS, tmp_path / "models")
    damage(folder)
    networks = open_networks(ModelSettings(folder=folder), CLOCK, Budget(5.0), root=tmp_path)
    assert networks is not None
    try:
        assert not networks.wait_until_ready(soon())
        with pytest.raises(ParityError) as refused:
            networks.depth(VIEW, soon())
        for network in ("depth", "segmentation"):
            assert (f"{network} (" in str(refused.value)) == (network in networks_at_fault)
    finally:
        networks.close()


def test_shipped_networks_agree_with_the_workstation(tmp_path: Path) -> None:
    said = try_out(ModelSettings(folder=MODELS), select(MODELS), CLOCK, tmp_path).said["cpu"]
    assert isinstance(said, Ready)
    assert said.unproven is None
    assert all(one.fault is None for agreements in said.parity.values() for one in agreements)
    assert "segmentation off by " in said.agreement
