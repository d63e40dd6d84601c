"""The models that ship are whole, fit the Edge TPU, and have seen trays."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from appliance.estimate.contents import FOREIGN, OUTSIDE, RESIDUE, contents
from appliance.estimate.depth import surface_mm
from appliance.inference.manifest import FILE_NAME, load_manifest
from appliance.inference.verify import verify_file
from convert.edgetpu.check import Status, check, wider_tensor
from convert.evaluate.networks import Maps, Networks, open_models
from convert.synth.photos import find_photos
from convert.synth.samples import Sample, find_samples, save
from convert.synth.shot import Order, Studio, name
from convert.tflite.graph import read_graph
from convert.train.augment import placed
from convert.train.rectify import Rectified, rectify

MODELS = Path(__file__).resolve().parents[2] / "models"
ON_CHIP_BYTES = 7_500_000
SET_UPS = (9, 29)
"""Of a seed that nothing was trained on; these would be test set-ups in any case."""

EMPTY, FULL, RETURNED = 0, 1, (3, 6)


@pytest.fixture(scope="module")
def networks() -> Networks:
    return open_models(MODELS)


@pytest.fixture(scope="module")
def trays(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, int], Rectified]:
    out = tmp_path_factory.mktemp("trays")
    studio = Studio(Order(2026, (384, 288), find_photos([], [])))
    wanted = [(set_up, member) for set_up in SET_UPS for member in (EMPTY, FULL, *RETURNED)]
    for set_up, member in wanted:
        index = 10 * set_up + member
        save(studio.take(index), out / name(index))
    samples: list[Sample] = sorted(find_samples(out), key=lambda sample: str(sample.folder))
    return dict(zip(wanted, (rectify(sample) for sample in samples), strict=True))


def run(networks: Networks, view: Rectified) -> tuple[Maps, np.ndarray, np.ndarray]:
    picture, classes, surface = placed(view, 256, None)
    return networks.run(np.ascontiguousarray(picture[:, :, ::-1])), classes, surface


def test_every_file_is_in_the_manifest_and_as_it_says() -> None:
    listed = [file for entry in load_manifest(MODELS / FILE_NAME).models for file in entry.files]
    for file in listed:
        verify_file(MODELS, file)
    assert {path.name for path in MODELS.glob("*.tflite")} == {file.file for file in listed}
    assert {entry.name for entry in load_manifest(MODELS / FILE_NAME).models} == {"midas", "resnet"}


def test_the_weights_that_the_models_are_made_from_lie_beside_the_recipes() -> None:
    for entry in load_manifest(MODELS / FILE_NAME).models:
        weights = MODELS.parent / "training" / "weights" / f"{entry.name}.pt"
        assert hashlib.sha256(weights.read_bytes()).hexdigest() == entry.origin.weights_sha256


def test_every_model_says_how_it_was_trained_and_has_a_card() -> None:
    for entry in load_manifest(MODELS / FILE_NAME).models:
        assert entry.origin.trained
        assert entry.training is not None
        card = (MODELS / f"{entry.name}.md").read_text(encoding="utf-8")
        assert entry.files[0].file in card


def test_both_fit_the_edge_tpu_with_every_operator_mapped() -> None:
    paths = sorted(MODELS.glob("*.int8-*.tflite"))
    assert sum(path.stat().st_size for path in paths) <= ON_CHIP_BYTES
    for path in paths:
        graph = read_graph(path)
        found = check(graph)
        assert wider_tensor(graph) is None
        assert found.failure is None
        assert all(judgement.status is Status.MAPPED for judgement in found.judgements)


def test_they_know_classes_and_heights_of_trays_that_training_never_showed(
    networks: Networks, trays: dict[tuple[int, int], Rectified]
) -> None:
    right, off_mm = [], []
    for view in trays.values():
        maps, classes, surface = run(networks, view)
        right.append(float(np.mean(maps.probabilities.argmax(0) == classes)))
        seen = (classes != OUTSIDE) & (classes != FOREIGN)
        off_mm.append(float(np.abs(surface_mm(maps.depth) - surface)[seen].mean()))
    assert np.mean(right) > 0.8
    assert np.mean(off_mm) < 4


@pytest.mark.parametrize("set_up", SET_UPS)
def test_an_empty_tray_holds_no_food_and_a_full_one_does(
    networks: Networks, trays: dict[tuple[int, int], Rectified], set_up: int
) -> None:
    whole = np.ones((256, 256), np.bool_)
    empty, _, _ = run(networks, trays[set_up, EMPTY])
    full, classes, _ = run(networks, trays[set_up, FULL])
    true_share = float(np.mean((classes > RESIDUE) & (classes < FOREIGN)))
    assert contents(empty.probabilities, whole).food < 0.03
    assert contents(full.probabilities, whole).food > 0.6 * true_share
    assert true_share > 0.2
