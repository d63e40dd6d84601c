"""Pictures for calibration and comparison."""

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest

from convert.errors import ConvertError
from convert.networks.spec import IMAGENET_MEAN, IMAGENET_STD, NetworkSpec
from convert.pictures import load_inputs, load_named_inputs, network_input, simulated_inputs

SPEC = NetworkSpec("tiny", height=32, width=48, outputs=())
RENDERED = Path(__file__).parents[3] / "shared" / "data" / "rendered_trays"


def picture(path: Path, grey: int = 128) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((80, 100, 3), grey, np.uint8))
    return path


def damaged(path: Path) -> Path:
    content = picture(path).read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


def test_a_picture_is_squeezed_whole_and_normalised_red_first() -> None:
    halves = np.zeros((300, 100, 3), np.uint8)
    halves[:150] = (255, 0, 0)
    halves[150:] = (0, 0, 255)
    found = network_input(halves, SPEC)
    assert found.shape == (32, 48, 3)
    assert found.dtype == np.float32
    dark, bright = (-np.array(IMAGENET_MEAN) / IMAGENET_STD, (1 - np.array(IMAGENET_MEAN)) / IMAGENET_STD)
    np.testing.assert_allclose(found[0, 0], (dark[0], dark[1], bright[2]), atol=1e-5)
    np.testing.assert_allclose(found[-1, -1], (bright[0], dark[1], dark[2]), atol=1e-5)


def test_shrinking_averages_so_that_no_detail_decides_by_chance() -> None:
    stripes = np.zeros((320, 480, 3), np.uint8)
    stripes[:, ::2] = 255
    found = network_input(stripes, SPEC)
    assert float(np.ptp(found, axis=(0, 1)).max()) < 0.01


def test_a_folder_is_searched_by_name_into_its_subfolders(tmp_path: Path) -> None:
    for number, name in enumerate(("b/2.jpg", "a.PNG", "b/10.jpeg", "c.webp")):
        picture(tmp_path / name, 10 * number)
    names, images = load_named_inputs(tmp_path, SPEC)
    assert names == ("a.PNG", "b/10.jpeg", "b/2.jpg", "c.webp")
    assert images.shape == (4, 32, 48, 3)
    levels = [
        round(float(image[0, 0, 0]) * IMAGENET_STD[0] * 255 + IMAGENET_MEAN[0] * 255) for image in images
    ]
    assert levels == pytest.approx([10, 20, 0, 30], abs=1)


@pytest.mark.parametrize(
    "name",
    [
        "gt/return_01_class.png", "gt/return_01_comp_amodal.png", "return_01_ortho_height.png", "7.depth.png",
        "00012_compartments.png", "mask.png", "x-labels.png", "00012_classes.png", ".hidden.jpg",
        ".thumbs/return_01.jpg", "notes.txt", "layout.npy",
    ],
)  # fmt: skip
def test_maps_and_hidden_files_are_no_pictures(tmp_path: Path, name: str) -> None:
    picture(tmp_path / "return_01.png")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes((tmp_path / "return_01.png").read_bytes())
    assert load_named_inputs(tmp_path, SPEC)[0] == ("return_01.png",)


@pytest.mark.parametrize("name", ["steel_tray.jpg", "first_class_lunch.png", "height.jpg", "subclass2.png"])
def test_pictures_named_like_maps_are_pictures(tmp_path: Path, name: str) -> None:
    picture(tmp_path / name)
    assert load_named_inputs(tmp_path, SPEC)[0] == (name,)


def test_a_limit_draws_by_seed(tmp_path: Path) -> None:
    for number in range(12):
        picture(tmp_path / f"{number:02}.png")
    names = {seed: load_named_inputs(tmp_path, SPEC, limit=5, seed=seed)[0] for seed in (0, 1)}
    assert all(len(set(chosen)) == 5 and list(chosen) == sorted(chosen) for chosen in names.values())
    assert names[0] != names[1]
    assert names[0] == load_named_inputs(tmp_path, SPEC, limit=5)[0]
    assert len(load_inputs(tmp_path, SPEC, limit=50)) == 12


def test_files_may_be_named_one_by_one(tmp_path: Path) -> None:
    files = [picture(tmp_path / name) for name in ("z.png", "a.png")]
    assert load_named_inputs(files, SPEC)[0] == ("z.png", "a.png")
    assert load_named_inputs(files[0], SPEC)[0] == ("z.png",)


def test_damaged_pictures_are_passed_over_and_replaced_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(4):
        damaged(tmp_path / f"bad_{number}.jpg")
        picture(tmp_path / f"good_{number}.jpg")
    with caplog.at_level(logging.WARNING):
        names, _ = load_named_inputs(tmp_path, SPEC, limit=4)
    assert names == tuple(f"good_{number}.jpg" for number in range(4))
    assert len(caplog.messages) == 1
    assert "passed over" in caplog.messages[0]


def test_a_folder_of_damaged_pictures_is_refused_with_the_reason(tmp_path: Path) -> None:
    damaged(tmp_path / "a.jpg")
    damaged(tmp_path / "b.jpg")
    with pytest.raises(ConvertError, match=r"^[^\n]*none of 2 pictures can be used: [^\n]*\.jpg: [^\n]*$"):
        load_inputs(tmp_path, SPEC)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("none here")
    with pytest.raises(ConvertError, match="no pictures in it"):
        load_inputs(tmp_path, SPEC)


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConvertError, match="no such folder or picture"):
        load_inputs(tmp_path / "absent", SPEC)
    with pytest.raises(ConvertError, match="no pictures were named"):
        load_inputs([], SPEC)


def test_simulated_trays_are_reproducible_and_fewer_are_the_first_of_more() -> None:
    few = simulated_inputs(SPEC, 2, seed=7)
    assert few.shape == (2, 32, 48, 3)
    assert few.dtype == np.float32
    np.testing.assert_array_equal(simulated_inputs(SPEC, 4, seed=7)[:2], few)


def test_simulated_trays_differ_by_number_and_by_seed() -> None:
    images = np.concatenate([simulated_inputs(SPEC, 4, seed) for seed in (0, 1)])
    assert len({image.tobytes() for image in images}) == 8
    # Trays, not bare belts: their light and dark take up most of the range that pictures can have.
    assert float(np.ptp(images)) > 3.0


@pytest.mark.skipif(not RENDERED.exists(), reason="the data beside the checkout is absent")
def test_of_rendered_trays_only_photographs_are_taken() -> None:
    names, images = load_named_inputs(RENDERED, SPEC)
    assert len(names) == 3 * 14
    assert all(name.endswith(".jpg") for name in names)
    assert np.isfinite(images).all()
