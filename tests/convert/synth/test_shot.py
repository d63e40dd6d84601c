"""Pictures and their truth: reproducible, consistent, exact."""

import cv2
import numpy as np
import pytest

from convert.networks.spec import TRAY_CLASSES
from convert.synth.photos import Photos
from convert.synth.samples import part_of
from convert.synth.scene import CLEAN, FOREIGN, LIQUID, OUTSIDE, RICE, SOLID
from convert.synth.setup import MEMBERS, held_out
from convert.synth.shot import Order, Shot, Studio, name

ORDER = Order(3, (160, 120), Photos())


@pytest.fixture(scope="module")
def shots() -> list[Shot]:
    studio = Studio(ORDER)
    return [studio.take(index) for index in range(6)]


def test_a_picture_is_the_same_whatever_was_made_before(shots: list[Shot]) -> None:
    alone = Studio(ORDER).take(3)
    assert np.array_equal(alone.picture, shots[3].picture)
    assert np.array_equal(alone.seen.kind, shots[3].seen.kind)
    assert alone.truth == shots[3].truth
    assert not np.array_equal(shots[2].picture, shots[3].picture)


def test_empty_trays_hold_nothing_and_full_ones_everything(shots: list[Shot]) -> None:
    empty, full = shots[0], shots[1]
    assert [well["volume_cm3"] for well in empty.truth["wells"]] == [0] * len(empty.truth["wells"])
    assert set(np.unique(empty.seen.kind)) == {OUTSIDE, CLEAN}
    assert not empty.seen.height_mm.any()
    assert [well["fraction"] for well in full.truth["wells"]] == [1] * len(full.truth["wells"])
    assert {RICE, LIQUID, SOLID} & set(np.unique(full.seen.kind))


def test_states_that_count_as_empty_hold_next_to_nothing(shots: list[Shot]) -> None:
    wells = [well for shot in shots[2:] for well in shot.truth["wells"]]
    little = [well["fraction"] for well in wells if well["state"] in ("spotless", "film", "grains")]
    much = [well["fraction"] for well in wells if well["state"] == "untouched"]
    assert little
    assert max(little) < 0.03
    assert min(much, default=1) > 0.85


def test_depth_gives_back_the_tray(shots: list[Shot]) -> None:
    """A pixel's depth, taken back through the camera, lies on the tray's plane where the deck is seen."""
    empty = shots[0]
    camera, tray = empty.truth["camera"], empty.truth["tray"]
    rows, columns = np.indices(empty.seen.depth_mm.shape)
    rays = np.linalg.inv(camera["intrinsics"]) @ np.stack([columns, rows, np.ones_like(rows)]).reshape(3, -1)
    places = np.transpose(camera["rotation"]) @ (
        rays * empty.seen.depth_mm.ravel() - np.reshape(camera["translation_mm"], (3, 1))
    )
    height = -places[2].reshape(rows.shape)
    assert height[empty.seen.kind == OUTSIDE] == pytest.approx(tray["counter_mm"], abs=2.8)
    for well in empty.truth["wells"]:
        inside = empty.seen.well == well["id"]
        assert np.quantile(height[inside], 0.05) == pytest.approx(-well["depth_mm"], abs=1.5)


def test_the_homography_takes_openings_to_their_pixels(shots: list[Shot]) -> None:
    for shot in shots[:3]:
        matrix = np.array(shot.truth["tray"]["picture_from_tray"])
        for well in shot.truth["wells"]:
            opening = np.array(well["opening_mm"]).reshape(-1, 1, 2)
            there = cv2.perspectiveTransform(opening, matrix).reshape(-1, 2)
            assert there == pytest.approx(np.array(well["opening_px"]), abs=0.2)
            if well["outside_picture"] == 0:
                u, v = np.rint(there.mean(axis=0)).astype(int)
                under = shot.under or shot.seen
                assert under.well[v, u] == well["id"]


def test_heights_on_the_picture_add_up_to_the_volume(shots: list[Shot]) -> None:
    """Smooth food, as the camera estimates it: each pixel's patch of the deck times its height."""
    compared = 0
    for shot in shots[1:]:
        truth, maps = shot.truth, shot.under or shot.seen
        rotation, shift = np.array(truth["camera"]["rotation"]), np.array(truth["camera"]["translation_mm"])
        inverse = np.linalg.inv(truth["camera"]["intrinsics"])
        rows, columns = np.indices(maps.depth_mm.shape)
        rays = inverse @ np.stack([columns, rows, np.ones_like(rows)]).reshape(3, -1)
        x, y, _ = rotation.T @ (rays * maps.depth_mm.ravel() - shift[:, None])
        (xv, xu), (yv, yu) = (np.gradient(axis.reshape(rows.shape)) for axis in (x, y))
        patch = np.minimum(np.abs(xu * yv - xv * yu), 60)
        for well in truth["wells"]:
            smooth = well["dish_kind"] in ("rice", "liquid") and well["state"] != "dump"
            if smooth and well["fraction"] > 0.3 and well["outside_picture"] == 0:
                mine = maps.well == well["id"]
                seen_cm3 = float((maps.height_mm * patch)[mine].sum()) / 1000
                assert seen_cm3 == pytest.approx(well["volume_cm3"], rel=0.05)
                compared += 1
    assert compared >= 3


def test_what_covers_the_tray_is_foreign_and_hides(shots: list[Shot]) -> None:
    covered = [shot for shot in shots if shot.under is not None]
    assert covered
    for shot in covered:
        assert shot.under is not None
        hidden = shot.seen.kind == FOREIGN
        assert hidden.any()
        assert not (shot.under.kind == FOREIGN).any()
        assert np.array_equal(shot.seen.kind[~hidden], shot.under.kind[~hidden])
        assert (shot.seen.depth_mm[hidden] <= shot.under.depth_mm[hidden] + 0.2).all()
        assert any(well["occluded"] > 0 for well in shot.truth["wells"]) or hidden.mean() < 0.2


def test_maps_hold_known_values(shots: list[Shot]) -> None:
    for shot in shots:
        assert shot.seen.kind.max() < len(TRAY_CLASSES)
        assert shot.seen.well.max() <= len(shot.truth["wells"])
        assert shot.picture.dtype == np.uint8
        assert shot.picture.std() > 3


def test_names_and_held_out_set_ups() -> None:
    assert [name(i) for i in (0, 1, 2, MEMBERS)] == [
        "set-up-00000/empty",
        "set-up-00000/full",
        "set-up-00000/return-01",
        "set-up-00001/empty",
    ]
    assert [number for number in range(30) if held_out(number)] == [9, 19, 29]
    assert [number for number in range(80) if part_of(number) == "test"] == [9, 29, 49, 69]
    assert [number for number in range(80) if part_of(number) == "validation"] == [19, 39, 59, 79]
    assert all(part_of(number) == "training" for number in range(80) if not held_out(number))
