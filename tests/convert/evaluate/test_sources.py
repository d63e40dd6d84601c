"""Trays with known truth lie where their truth says."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from convert.errors import ConvertError
from convert.evaluate.photographs import photographs
from convert.evaluate.rendered import rendered
from convert.evaluate.synthetic import synthetic
from convert.evaluate.trays import MapTruth, Source, Tray, evenly, truth_on_grid, without
from convert.networks.spec import TRAY_CLASSES

DATA = Path(__file__).parents[4] / "shared" / "data"
RIM_PX = 18
FOOD = [TRAY_CLASSES.index(name) for name in ("rice", "liquid", "solid")]


def first(source: Source) -> tuple[Tray, MapTruth]:
    set_up = source.set_ups[0]
    tray = set_up.tray(set_up.pictures[0])
    truth = truth_on_grid(tray, set_up.calibration, (200, 256))
    assert truth is not None
    return tray, truth


def check_geometry(source: Source) -> None:
    """Hold floors at their wells' depth, the deck at 0, food above the floor, and wells on their outlines."""
    calibration = source.set_ups[0].calibration
    tray, truth = first(source)
    width, height = calibration.layout.tray_mm
    clean = truth.classes == TRAY_CLASSES.index("clean")
    deck = np.zeros(truth.classes.shape, np.uint8)
    # The rim is higher.
    deck[RIM_PX:-RIM_PX, RIM_PX:-RIM_PX] = 1
    for well in calibration.layout.compartments:
        outline = well.outline_mm / (width, height) * truth.classes.shape[::-1]
        cv2.fillPoly(deck, [outline.round().astype(np.int32)], (0,))
        inside = np.zeros_like(deck)
        floor = well.floor_mm / (width, height) * truth.classes.shape[::-1]
        cv2.fillPoly(inside, [floor.round().astype(np.int32)], (1,))
        bare = (cv2.erode(inside, np.ones((5, 5), np.uint8)) > 0) & clean
        if bare.sum() > 20:
            assert np.median(truth.surface_mm[bare]) == pytest.approx(-well.depth_mm, abs=1.0)
    bare_deck = (cv2.erode(deck, np.ones((3, 3), np.uint8)) > 0) & clean
    assert np.median(truth.surface_mm[bare_deck]) == pytest.approx(0, abs=0.5)
    food = np.isin(truth.classes, FOOD)
    assert food.any()
    assert np.median(truth.food_mm[food]) > 1
    assert {well.id for well in tray.wells} <= {well.id for well in calibration.layout.compartments}
    assert not tray.missed


def test_synthetic_trays_lie_where_their_truth_says(trays: Path) -> None:
    source = synthetic([trays])
    assert [set_up.name for set_up in source.set_ups] == ["set-up-00009"]
    assert source.set_ups[0].pictures == ("return-01", "return-03")
    assert synthetic([trays], limit=1).count == 1
    check_geometry(source)


def test_only_set_ups_to_test_on_are_measured(trays: Path, tmp_path: Path) -> None:
    shutil.copytree(trays / "set-up-00019", tmp_path / "set-up-00019")
    with pytest.raises(ConvertError, match="no returned tray of a held-out set-up for testing"):
        synthetic([tmp_path])
    with pytest.raises(ConvertError, match="no such folder"):
        synthetic([tmp_path / "none"])


def test_a_set_up_without_its_references_is_one_line(trays: Path, tmp_path: Path) -> None:
    shutil.copytree(trays / "set-up-00009", tmp_path / "set-up-00009")
    shutil.rmtree(tmp_path / "set-up-00009" / "full")
    with pytest.raises(ConvertError, match="full: absent or damaged"):
        _ = synthetic([tmp_path]).set_ups[0].calibration


def test_wrong_folders_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConvertError, match="rendered_trays"):
        rendered(tmp_path, "exact")
    with pytest.raises(ConvertError, match=r"has no full\.jpg, half\.jpg, empty\.jpg"):
        photographs(tmp_path)


def test_a_limit_takes_evenly() -> None:
    assert evenly(range(10), 3) == (0, 3, 6)
    assert evenly(range(3), 10) == (0, 1, 2)
    assert evenly(range(3), None) == (0, 1, 2)


@pytest.mark.skipif(not DATA.exists(), reason="shared data is absent")
def test_rendered_trays_lie_where_their_truth_says() -> None:
    source = rendered(DATA / "rendered_trays", "exact", limit=3)
    assert [set_up.name for set_up in source.set_ups] == ["setup1", "setup2", "setup3"]
    check_geometry(source)


def test_each_part_of_the_set_ups_is_a_source_of_its_own(trays: Path, tmp_path: Path) -> None:
    for name in ("set-up-00009", "set-up-00019"):
        shutil.copytree(trays / name, tmp_path / name)
    validation = synthetic([tmp_path], part="validation")
    assert (validation.name, [one.name for one in validation.set_ups]) == (
        "synthetic, validation",
        ["set-up-00019"],
    )
    with pytest.raises(ConvertError, match="set-up for training"):
        synthetic([tmp_path], part="training")


def test_set_ups_can_be_left_out(trays: Path) -> None:
    source = synthetic([trays])
    assert without(source, []) == source
    with pytest.raises(ConvertError, match="has no set-up none; it has set-up-00009"):
        without(source, ["none"])
    with pytest.raises(ConvertError, match="nothing is left without set-up-00009"):
        without(source, ["set-up-00009"])
