"""The whole evaluation, with networks that know the truth."""

import dataclasses
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from convert.evaluate.estimators import ALONE, DEPTH, Column
from convert.evaluate.networks import FLOAT, INT8
from convert.evaluate.report import markdown, summary
from convert.evaluate.result import Accuracy
from convert.evaluate.run import Evaluation, evaluate
from convert.evaluate.synthetic import synthetic
from convert.evaluate.trays import MapTruth
from convert.evaluate.write import PREFIX, report_in, write
from tests.convert.evaluate.trays import knowing, the_set_up

SHIFT_MM = 10.0


def lifted(truth: MapTruth) -> MapTruth:
    """Everything but bare steel seems this much higher."""
    food = truth.food_mm > 0
    return dataclasses.replace(truth, surface_mm=truth.surface_mm + SHIFT_MM * food)


@pytest.fixture(scope="module")
def evaluation(trays: Path) -> Evaluation:
    set_up = the_set_up(trays)
    done: list[int] = []
    runs = [knowing(set_up, lifted, INT8), knowing(set_up, run=FLOAT, quantity=4)]
    found = evaluate([synthetic([trays])], runs, lambda: done.append(1))
    assert len(done) == 2
    return found


@pytest.fixture(scope="module")
def report(evaluation: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "accuracy"
    with report_in(folder) as inside:
        write(evaluation, inside)
    return folder


def test_perfect_maps_have_perfect_figures(evaluation: Evaluation) -> None:
    (source,) = evaluation.result.sources
    exact = next(networks for networks in source.networks if networks.run == FLOAT)
    assert exact.segmentation is not None
    assert (exact.segmentation.miou, exact.segmentation.food_kind) == (1, 1)
    assert exact.segmentation.calibration_error < 1e-4
    assert exact.depth is not None
    assert exact.depth.surface.mae < 1e-3
    assert exact.depth.aligned_mae < 1e-3
    assert exact.quantity is not None
    assert exact.quantity.trays == 2


def test_a_known_error_of_heights_is_found_again(evaluation: Evaluation) -> None:
    (source,) = evaluation.result.sources
    rough = next(networks for networks in source.networks if networks.run == INT8)
    assert rough.depth is not None
    for name in ("rice", "liquid", "solid"):
        if name in rough.depth.surface_by_class:
            assert rough.depth.surface_by_class[name].bias == pytest.approx(SHIFT_MM, abs=0.6)
    assert rough.depth.surface_by_class["clean"].mae < 0.6


def test_perfect_maps_give_better_leftovers_than_colours_alone(evaluation: Evaluation) -> None:
    (source,) = evaluation.result.sources
    by_column = {Column(one.run, one.estimator): one for one in source.volumes}
    assert list(by_column) == list(evaluation.columns)
    exact = by_column[Column(FLOAT, DEPTH)].wells
    assert exact.mae < by_column[ALONE].wells.mae
    assert exact.mae < by_column[Column(INT8, DEPTH)].wells.mae
    assert exact.mae < 5
    assert source.wells == len(evaluation.rows) == exact.count


def test_losing_against_float_is_told(evaluation: Evaluation) -> None:
    promises = {(promise.what, promise.run): promise for promise in evaluation.result.promises}
    assert promises["segmentation, mean IoU, %", FLOAT].kept
    lost = promises["depth alone, mean absolute error: lost against float", INT8]
    assert lost.value > 1
    assert not lost.kept
    assert promises["segmentation, mean IoU, %: lost against float", INT8].value == 0


def test_the_report_shows_every_picture_there_is(report: Path, evaluation: Evaluation) -> None:
    text = (report / "report.md").read_text(encoding="utf-8")
    shown = re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)
    assert sorted(shown) == sorted(path.name for path in report.glob("*.png"))
    assert {name.split("-")[2].removesuffix(".png") for name in shown} == {
        "leftovers",
        "errors",
        "classes",
        "worst",
    }
    for name in shown:
        picture = cv2.imread(str(report / name))
        assert picture is not None
        assert picture.std() > 10
    assert Accuracy.model_validate_json((report / "report.json").read_text()) == evaluation.result
    lines = (report / "wells.csv").read_text().splitlines()
    assert len(lines) == 1 + len(evaluation.rows)
    assert len(lines[0].split(",")) == len(lines[1].split(",")) == 8 + 2 * len(evaluation.columns)
    assert "int8 depth" in summary(evaluation.result)


def test_the_same_trays_give_the_same_report(report: Path, evaluation: Evaluation, tmp_path: Path) -> None:
    (tmp_path / f"{PREFIX}other-worst-9.png").write_bytes(b"of an earlier report")
    with report_in(tmp_path) as inside:
        write(evaluation, inside)
    first = {path.name: path.read_bytes() for path in report.iterdir()}
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first


def test_back_projection_alone_has_the_same_report(trays: Path, tmp_path: Path) -> None:
    found = evaluate([synthetic([trays], limit=1)], [])
    assert found.columns == (ALONE,)
    assert not found.result.promises
    write(found, tmp_path)
    assert "back projection alone" in markdown(found.result, {})
    assert len(list(tmp_path.glob("*.png"))) == 3


def test_worst_trays_come_first(evaluation: Evaluation) -> None:
    (worst,) = evaluation.worst.values()
    errors = [one.error for one in worst]
    assert errors == sorted(errors, reverse=True)
    for one in worst:
        assert one.truth is not None
        assert one.food_mm is not None
        food = one.truth.food_mm > 2
        assert np.median((one.food_mm - one.truth.food_mm)[food]) == pytest.approx(SHIFT_MM, abs=0.6)
    assert json.loads(evaluation.result.model_dump_json())["schema"] == "janban.accuracy/1"
