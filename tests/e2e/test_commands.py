"""Calibrating and measuring as a user does, with good pictures and bad ones."""

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from appliance.picture import load_picture
from tests.e2e.processes import appliance, refused


def measured(*arguments: str | Path) -> list[dict[str, object]]:
    result = appliance("measure", "--json", *arguments)
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_calibration_is_complete_and_says_what_it_found(calibration: Path) -> None:
    names = {file.name for file in calibration.iterdir()}
    assert {"layout.toml", "overview.png"} <= names
    assert load_picture(calibration / "overview.png").ndim == 3


def test_the_references_read_as_what_they_are(calibration: Path, pictures: Path, tmp_path: Path) -> None:
    empty, full = measured(
        "--calibration", calibration, "--overlay", tmp_path / "out",
        pictures / "empty.png", pictures / "full.png",
    )  # fmt: skip
    assert empty["status"] == full["status"] == "measured"
    assert empty["leftover"] <= 0.02
    assert full["leftover"] >= 0.93
    for tray in (empty, full):
        assert len(tray["compartments"]) == 5
        for well in tray["compartments"]:
            assert well["weights"] == {"back_projection": 1.0, "depth": 0.0, "segmentation": 0.0}
            assert well["estimates"]["depth"] is None
    picture = load_picture(pictures / "full.png")
    assert load_picture(tmp_path / "out" / "full.overlay.png").shape == picture.shape


def test_an_empty_belt_is_rejected_without_a_number(calibration: Path, pictures: Path) -> None:
    [belt] = measured("--calibration", calibration, pictures / "belt.png")
    assert belt["status"] == "rejected"
    assert belt["reason"]
    assert belt["leftover"] is None
    assert belt["compartments"] == []


def test_names_that_are_no_text_are_told_in_one_line(
    calibration: Path, pictures: Path, tmp_path: Path
) -> None:
    names = [tmp_path / "a\nb.png", tmp_path / os.fsdecode(b"\xff.png"), tmp_path / ("a" * 240 + ".png")]
    for name in names:
        shutil.copyfile(pictures / "belt.png", name)
    plain = appliance("measure", "--calibration", calibration, *names)
    assert [line.rpartition("/")[2][:9] for line in plain.stdout.splitlines()] == [
        *(r"a\nb.png:", r"\udcff.pn", "a" * 9),
    ]
    first, second, _ = measured("--calibration", calibration, *names)
    assert first["image"] == str(names[0])
    assert second["image"] == str(tmp_path / r"\xff.png")


def test_a_terminal_that_lacks_letters_sees_escapes(
    calibration: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii:strict")
    result = appliance("measure", "--calibration", calibration, tmp_path / "밥.png")
    assert r"\ubc25.png: rejected: " in result.stdout
    assert refused(result) == "appliance: 1 of 1 pictures could not be read"


def test_a_tray_without_colour_or_too_small_is_rejected_without_a_number(
    calibration: Path, pictures: Path, tmp_path: Path
) -> None:
    with Image.open(pictures / "full.png") as picture:
        picture.convert("L").save(tmp_path / "grey.png")
        picture.reduce(4).save(tmp_path / "small.png")
    grey, small = measured("--calibration", calibration, tmp_path / "grey.png", tmp_path / "small.png")
    assert "no colour" in str(grey["reason"])
    assert "too small" in str(small["reason"])
    for tray in (grey, small):
        assert tray["status"] == "rejected"
        assert tray["leftover"] is None


def test_overlays_that_cannot_be_written_are_one_line(
    calibration: Path, pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    result = appliance(
        "measure", "--calibration", calibration, "--overlay", tmp_path / "file", pictures / "full.png"
    )
    assert str(tmp_path / "file") in refused(result)


def test_text_for_people_has_one_line_per_well(calibration: Path, pictures: Path) -> None:
    result = appliance("measure", "--calibration", calibration, pictures / "full.png")
    assert result.returncode == 0
    assert len(result.stdout.splitlines()) == 6


def test_files_that_are_no_pictures_are_rejected_and_the_rest_is_measured(
    calibration: Path, pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / "text.jpg").write_text("not a picture")
    whole = (pictures / "full.png").read_bytes()
    (tmp_path / "half.png").write_bytes(whole[: len(whole) // 2])
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    bad = [tmp_path / name for name in ("text.jpg", "half.png", "dot.png", "missing.png")]
    result = appliance("measure", "--json", "--calibration", calibration, *bad, pictures / "full.png")
    assert "4 of 5 pictures could not be read" in refused(result)
    *rejected, good = map(json.loads, result.stdout.splitlines())
    assert [tray["status"] for tray in rejected] == ["rejected"] * 4
    assert all(tray["leftover"] is None for tray in rejected)
    assert good["status"] == "measured"


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_turned_picture_reads_the_same(
    calibration: Path, pictures: Path, tmp_path: Path, turn: int
) -> None:
    with Image.open(pictures / "full.png") as picture:
        picture.rotate(turn, expand=True).save(tmp_path / "turned.png")
    [tray] = measured("--calibration", calibration, tmp_path / "turned.png")
    assert tray["leftover"] >= 0.9


def test_a_missing_or_edited_calibration_is_refused(
    calibration: Path, pictures: Path, tmp_path: Path
) -> None:
    line = refused(appliance("measure", "--calibration", tmp_path / "none", pictures / "full.png"))
    assert "none" in line
    copy = tmp_path / "copy"
    shutil.copytree(calibration, copy)
    layout = copy / "layout.toml"
    layout.write_text(layout.read_text() + "\nsurprise = 1\n")
    assert "layout.toml" in refused(appliance("measure", "--calibration", copy, pictures / "full.png"))
    floor = re.compile(r"floor_mm = \[.*?\n\]", re.DOTALL)
    elsewhere = "floor_mm = [[1, 1], [9, 1], [9, 9], [1, 9]]"
    layout.write_text(floor.sub(elsewhere, (calibration / "layout.toml").read_text()))
    assert "floor_mm" in refused(appliance("measure", "--calibration", copy, pictures / "full.png"))
    shutil.copytree(calibration, copy, dirs_exist_ok=True)
    reference = next(file for file in copy.glob("*.png") if "empty" in file.name)
    Image.fromarray(np.zeros((400, 500, 3), np.uint8)).save(reference)
    assert reference.name in refused(appliance("measure", "--calibration", copy, pictures / "full.png"))


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(np.zeros_like, id="black"),
        pytest.param(lambda p: np.full_like(p, 255), id="white"),
        pytest.param(lambda p: p[:40, :40], id="tiny"),
        pytest.param(lambda p: p[:, :, 1], id="grey"),
    ],
)
def test_a_poor_reference_is_refused_and_nothing_is_written(
    pictures: Path, tmp_path: Path, spoil: object
) -> None:
    with Image.open(pictures / "empty.png") as picture:
        Image.fromarray(spoil(np.asarray(picture.convert("RGB")))).save(tmp_path / "poor.png")
    out = tmp_path / "site"
    refused(appliance("calibrate", "--empty", tmp_path / "poor.png", "--out", out))
    assert not out.exists()
    assert [file.name for file in tmp_path.iterdir()] == ["poor.png"]


def test_an_empty_belt_is_no_reference(pictures: Path, tmp_path: Path) -> None:
    refused(appliance("calibrate", "--empty", pictures / "belt.png", "--out", tmp_path / "site"))


def test_bench_times_every_stage(calibration: Path, pictures: Path) -> None:
    result = appliance(
        "bench", "--json", "--repeat", "2", "--calibration", calibration, pictures / "full.png"
    )
    report = json.loads(result.stdout)
    assert report["pictures"] == 2
    assert {"decode", "locate", "rectify", "back_projection", "total"} <= set(report["stages_ms"])
    assert report["stages_ms"]["total"]["p99"] >= report["stages_ms"]["total"]["p50"] > 0
    assert report["peak_memory_mb"] > 0
