"""What the sheets show."""

import numpy as np
import pytest

from convert.networks.spec import IMAGENET_MEAN, IMAGENET_STD, TRAY_CLASSES, NetworkSpec, Output
from convert.parity import colours as c
from convert.parity.legend import draw_legend
from convert.parity.sheet import SheetRow, draw_sheet


def test_pictures_are_shown_as_they_were() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (6, 5, 3), np.uint8)
    image = (picture / 255 - np.array(IMAGENET_MEAN)) / np.array(IMAGENET_STD)
    np.testing.assert_array_equal(
        c.visible_picture(image.astype(np.float32), IMAGENET_MEAN, IMAGENET_STD), picture
    )


def test_stages_that_differ_in_scale_only_look_the_same() -> None:
    depth = np.random.default_rng(0).random((20, 20))
    limits = c.depth_range(depth)
    moved = c.aligned_depth(3 * depth + 7, depth)
    np.testing.assert_allclose(c.depth_picture(moved, limits), c.depth_picture(depth, limits), atol=3)
    assert (c.depth_difference(moved, depth, limits) >= 254).all()


def test_differences_are_red_where_nearer_and_blue_where_farther() -> None:
    depth = np.tile(np.linspace(0, 1, 10), (10, 1))
    changed = depth.copy()
    changed[0, 0] += 1
    changed[9, 9] -= 1
    shown = c.depth_difference(changed, depth, (0.0, 1.0))
    assert shown[0, 0].tolist() == [255, 0, 0]
    assert shown[9, 9].tolist() == [0, 0, 255]
    assert shown[5, 5].tolist() == [255, 255, 255]


def test_near_is_brighter_than_far() -> None:
    shown = c.depth_picture(np.array([[0.0, 0.5, 1.0, np.nan]]), (0.0, 1.0))[0].astype(int)
    assert shown[0].sum() < shown[1].sum() < shown[2].sum()
    assert shown[3].tolist() == [255, 0, 255]


@pytest.mark.parametrize("count", [2, 7, 9, 21, 150])
def test_classes_have_colours_of_their_own(count: int) -> None:
    found = c.class_colours(count)
    assert len(np.unique(found, axis=0)) == count
    assert not (found == np.array(c.CHANGED)).all(axis=1).any()


def test_changed_pixels_are_red() -> None:
    reference = np.eye(3, dtype=np.float32)[[[0, 1], [2, 2]]]
    estimate = np.eye(3, dtype=np.float32)[[[0, 2], [2, 2]]]
    shown = c.class_difference(estimate, reference, np.full((2, 2, 3), 128, np.uint8))
    assert (shown == np.array(c.CHANGED)).all(axis=-1).tolist() == [[False, True], [False, False]]


@pytest.mark.parametrize("classes", [TRAY_CLASSES, tuple(f"class_{n}" for n in range(40))])
def test_a_legend_that_is_too_long_for_a_line_gets_more(classes: tuple[str, ...]) -> None:
    output = Output("classes", "segmentation", classes)
    narrow, wide = draw_legend(output, 440), draw_legend(output, 10_000)
    assert narrow.height > wide.height
    ink = (np.asarray(narrow) < 200).any(axis=(0, 2))
    assert not ink[-2:].any()


def test_a_sheet_of_a_tall_picture_keeps_its_shape() -> None:
    spec = NetworkSpec("tall", 64, 32, (Output("depth", "inverse_depth"),))
    depth = np.zeros((64, 32, 1), np.float32)
    row = SheetRow("a", np.zeros((64, 32, 3), np.float32), (depth, depth), ("reference", "error 0"))
    sheet = draw_sheet(spec, spec.outputs[0], ("one", "two"), (row,))
    assert sheet.dtype == np.uint8
    assert sheet.shape[0] > 800
    assert sheet.shape[1] < 800
