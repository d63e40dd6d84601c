"""The report in its folder: whole or not at all, for people and for programs."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from convert.errors import ConvertError, GateError
from convert.networks.spec import NetworkSpec, Output
from convert.networks.stage import Array
from convert.parity.gates import load_gates
from convert.parity.report import rank_pictures
from convert.parity.result import ParityResult
from convert.parity.run import PICTURES_SHOWN, run_parity
from tests.convert.parity.fake_stages import SPEC, FakeStage, names, pictures

GOOD = (FakeStage("pytorch"), FakeStage("onnx"), FakeStage("tflite int8", noise=0.01))


def spoiled(number: int, array: Array) -> Array:
    return np.zeros_like(array) if number == 0 else array


def test_the_folder_has_a_report_for_people_and_one_for_programs(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "parity"
    result = run_parity(GOOD, SPEC, pictures(5), names(5), out, origin="made up")
    sheets = {"sheet-1-inverse_depth.png", "sheet-2-segmentation.png", "sheet-3-quantity.png"}
    assert {file.name for file in out.iterdir()} == {"report.md", "report.json", *sheets}
    text = (out / "report.md").read_text(encoding="utf-8")
    assert text.startswith("# Parity of fake: all gates passed\n")
    assert set(re.findall(r"\]\((.*?)\)", text)) == sheets
    assert "made up" in text
    for name in names(5):
        assert f"`{name}`" in text
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({row.count("|") for row in table.splitlines()}) == 1
    again = ParityResult.model_validate_json((out / "report.json").read_bytes())
    assert again == result
    keys = json.loads((out / "report.json").read_bytes())
    assert keys["schema"] == "janban.parity/1"
    assert list(keys) == [
        *("schema", "network", "input_px", "picture_origin", "pictures", "reference", "stages", "pairs"),
        *("gates", "passed", "sheets"),
    ]


def test_a_failed_gate_is_in_the_report_and_raises_only_when_enforced(tmp_path: Path) -> None:
    stages = (GOOD[0], FakeStage("tflite int8", fault=spoiled))
    result = run_parity(stages, SPEC, pictures(3), names(3), tmp_path / "out")
    text = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert re.match(r"# Parity of fake: \d+ of \d+ gates failed\n", text)
    assert "| **FAILED** | tflite int8 | pytorch | depth: aligned_error, mean | 1.0000 | at most 0.20" in text
    with pytest.raises(GateError):
        result.enforce()


def test_a_looser_limit_is_told(tmp_path: Path) -> None:
    file = tmp_path / "loose.toml"
    file.write_text("[inverse_depth.int8.aligned_error]\nmean = 1.0\n")
    run_parity(GOOD, SPEC, pictures(2), names(2), tmp_path / "out", gates=load_gates(file))
    text = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "limits are not the default ones" in text
    assert "at most 1.0000 | 0.2000 | set by loose.toml |" in text


def test_a_second_report_replaces_the_first_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_parity(GOOD, SPEC, pictures(2), names(2), out)
    (out / "notes.txt").write_text("mine")
    depth = NetworkSpec("depth", SPEC.height, SPEC.width, (Output("depth", "inverse_depth"),))
    run_parity((FakeStage("a", spec=depth), FakeStage("b", spec=depth)), depth, pictures(2), names(2), out)
    assert sorted(file.name for file in out.iterdir()) == [
        *("notes.txt", "report.json", "report.md", "sheet-1-inverse_depth.png"),
    ]


def test_a_comparison_that_fails_leaves_nothing_and_an_old_report_as_it_was(tmp_path: Path) -> None:
    def torn(_: int, array: Array) -> Array:
        return array[:, :1]

    bad = (FakeStage("pytorch"), FakeStage("onnx", fault=torn))
    with pytest.raises(ConvertError):
        run_parity(bad, SPEC, pictures(2), names(2), tmp_path / "new")
    assert not (tmp_path / "new").exists()
    run_parity(GOOD, SPEC, pictures(2), names(2), tmp_path / "old")
    before = {file: file.read_bytes() for file in (tmp_path / "old").iterdir()}
    with pytest.raises(ConvertError):
        run_parity(bad, SPEC, pictures(2), names(2), tmp_path / "old")
    assert {file: file.read_bytes() for file in (tmp_path / "old").iterdir()} == before


def test_a_folder_that_cannot_be_written_is_told_before_any_stage_runs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    stage = FakeStage("pytorch")
    with pytest.raises(ConvertError, match="cannot be written") as error:
        run_parity((stage, FakeStage("onnx")), SPEC, pictures(2), names(2), tmp_path / "file" / "out")
    assert "\n" not in str(error.value)
    assert stage.batches == []


def test_the_sheets_show_the_worst_pictures_first(tmp_path: Path) -> None:
    def one_bad(number: int, array: Array) -> Array:
        array = array.copy()
        if number == 0:
            array[-1] = 0
        return array

    count = 11
    stages = (FakeStage("pytorch"), FakeStage("tflite int8", noise=0.05, fault=one_bad))
    result = run_parity(stages, SPEC, pictures(count), names(count), tmp_path / "out")
    # The fault hits the last picture of each batch of four.
    assert set(rank_pictures(result, "depth")[:3]) == {3, 7, 10}
    sheet = cv2.imread(str(tmp_path / "out" / "sheet-1-inverse_depth.png"))
    assert sheet is not None
    two = run_parity(stages, SPEC, pictures(2), names(2), tmp_path / "two")
    shorter = cv2.imread(str(tmp_path / "two" / two.sheets["depth"]))
    assert shorter is not None
    row_px = (sheet.shape[0] - shorter.shape[0]) / (PICTURES_SHOWN - 2)
    assert row_px == int(row_px) > 400
    text = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    first = rank_pictures(result, "depth")[0]
    assert f"| 1 | `picture {first}.jpg` |" in text


@pytest.mark.parametrize("name", ["잔반 01.jpg", "a|b`c.jpg", "x" * 300])
def test_odd_names_of_pictures_break_nothing(tmp_path: Path, name: str) -> None:
    run_parity(GOOD, SPEC, pictures(1), (name,), tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert name.replace("|", "\\|").replace("`", "'") in text
    assert ParityResult.model_validate_json((tmp_path / "report.json").read_bytes()).pictures == (name,)


def test_numbers_that_are_none_still_make_a_report(tmp_path: Path) -> None:
    def broken(_: int, array: Array) -> Array:
        array = array.copy()
        array.reshape(len(array), -1)[:, :3] = (np.nan, np.inf, -np.inf)
        return array

    with np.errstate(all="raise", under="ignore"):
        result = run_parity(
            (FakeStage("pytorch"), FakeStage("onnx", fault=broken)), SPEC, pictures(2), names(2), tmp_path
        )
    assert not result.passed
    assert [stage.non_finite_pictures for stage in result.stages] == [0, 2]
