"""A card says how a model was made, on what, and where it fails; and only what its entry says."""

import json
from pathlib import Path

import pytest

from appliance.inference.manifest import load_manifest
from appliance.inference.record import Source, Stretch, TrainingRecord
from convert.card import model_card
from convert.card_accuracy import ERROR, key
from convert.cli import main
from convert.evaluate.estimators import DEPTH, SEGMENTATION
from convert.evaluate.result import (
    Accuracy,
    Errors,
    Height,
    Heights,
    NetworkResult,
    OnSource,
    RunResult,
    SourceResult,
    Volumes,
)
from tests.inference.entries import entry, models_folder, sha256

RECORD = TrainingRecord(
    step=60,
    settings={"network": "midas-lite0", "steps": 90, "rate": 0.001},
    data=("format 4, seed 4, 512x384, 0123",),
    begun_with="ImageNet",
    stretches=(
        Stretch(step=0, pictures=1000, validation_pictures=50),
        Stretch(step=40, pictures=2000, validation_pictures=100),
    ),
    validation={"height_mae_mm": 1 / 3},
    sources=(Source(name="crops", use="surfaces of food", licence="CC-BY-4.0", origin="example.org"),),
)


def errors(mae: float) -> Errors:
    return Errors(count=1, mae=mae, bias=-1, within_5=0, within_10=1)


def volumes(run: str, estimator: str, mae: float) -> Volumes:
    return Volumes(
        run=run,
        estimator=estimator,
        wells=errors(mae),
        trays=errors(mae),
        clean=None,
        by_kind={"liquid": errors(mae + 3), "rice": errors(mae - 2)},
        by_complication={"hand": errors(mae + 5)},
        by_state={},
        by_set_up={},
    )


def report(of: bytes) -> Accuracy:
    heights = Heights(
        surface=Height(mae=2, bias=0), aligned_mae=1, surface_by_class={}, food=None, food_by_class={}
    )
    return Accuracy(
        runs=(
            RunResult(name="float", networks=()),
            RunResult(
                name="int8",
                networks=(NetworkResult(network="n", file="f", sha256=sha256(of), trained=True),),
            ),
        ),
        sources=(
            SourceResult(
                name="synthetic",
                about="",
                set_ups=1,
                trays=1,
                wells=1,
                missed_wells=0,
                rejected=(),
                volumes=(
                    volumes("float", DEPTH, 1),
                    volumes("int8", SEGMENTATION, 2),
                    volumes("int8", DEPTH, 7),
                ),
                networks=(OnSource(run="int8", segmentation=None, depth=heights, quantity=None),),
            ),
        ),
        promises=(),
    )


def test_a_trained_models_card_says_how_it_was_made_and_on_what() -> None:
    card = model_card(entry(training=RECORD))
    assert "after step 60 of 90" in card
    assert "| 40 | 2000 | 100 |" in card
    assert "| crops | surfaces of food | CC-BY-4.0 | example.org |" in card
    assert "| height_mae_mm | 0.3333 |" in card
    assert card.index("## What it is for") < card.index("## Where it fails") < card.index("## Files")


def test_of_a_model_that_was_not_trained_on_trays_nothing_is_claimed() -> None:
    card = model_card(entry())
    assert "##" in card
    assert all(chapter not in card for chapter in ("What it is for", "Where it fails", "How it was trained"))


def test_an_evaluation_goes_into_manifest_and_card(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = models_folder(tmp_path / "models", entry(b"one", training=RECORD), b"one")
    path = tmp_path / "report.json"
    path.write_text(report(b"one").model_dump_json(), encoding="utf-8")
    assert main(["card", "--models", str(models), "--report", str(path)]) == 0
    assert "depth_small.md: " in capsys.readouterr().out
    written = load_manifest(models / "manifest.json").models[0]
    assert written.training == RECORD
    assert written.accuracy == {
        key("synthetic", ERROR): 7,
        key("synthetic", ERROR, "liquid"): 10,
        key("synthetic", ERROR, "rice"): 5,
        key("synthetic", ERROR, "hand"): 12,
        key("synthetic", "bias, points"): -1,
        key("synthetic", "height error, mm"): 2,
    }
    card = (models / "depth_small.md").read_text(encoding="utf-8")
    assert "- synthetic: 7.0 points on average, but hand 12.0, liquid 10.0\n" in card
    assert "| height error, mm | 2 |" in card


def test_photographs_are_told_afterwards_where_the_training_did_not(tmp_path: Path) -> None:
    models = models_folder(tmp_path / "models", entry(b"one", training=RECORD), b"one")
    trays = tmp_path / "trays.toml"
    text = (
        'count = 9\nseed = 4\nsize = "512x384"\n[[textures]]\nfolder = "{}"\nlicence = "MIT"\norigin = "a"\n'
    )
    for folder in ("dishes", "crops"):
        trays.write_text(text.format(folder), encoding="utf-8")
        assert main(["card", "--models", str(models), "--trays", str(trays)]) == 0
    written = load_manifest(models / "manifest.json").models[0].training
    assert written is not None
    assert [(source.name, source.licence) for source in written.sources] == [
        ("crops", "CC-BY-4.0"),
        ("dishes", "MIT"),
    ]
    trays.write_text(text.format("dishes").replace("seed = 4", "seed = 5"), encoding="utf-8")
    assert main(["card", "--models", str(models), "--trays", str(trays)]) == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (report(b"two").model_dump_json(), "is of other files than depth_small's"),
        (json.dumps({"schema": "janban.accuracy/1"}), "is no report of convert evaluate"),
        (None, "cannot be read"),
    ],
)
def test_what_is_no_report_of_these_models_is_told_and_changes_nothing(
    content: str | None, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = models_folder(tmp_path / "models", entry(b"one"), b"one")
    path = tmp_path / "report.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    before = {file.name: file.read_bytes() for file in models.iterdir()}
    assert main(["card", "--models", str(models), "--report", str(path)]) == 1
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
    assert {file.name: file.read_bytes() for file in models.iterdir()} == before
