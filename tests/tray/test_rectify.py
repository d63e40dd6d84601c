import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.tray.rectify import project, rectified_size, rectify, resized


@given(st.floats(0, 6.28), st.floats(0.3, 4), st.floats(-500, 500), st.floats(-3e-4, 3e-4))
def test_projecting_there_and_back(turn: float, scale: float, shift: float, tilt: float) -> None:
    points = np.array([[0, 0], [375, 0], [375, 290], [0, 290], [100, 40]], float)
    there = np.array(
        [
            [scale * np.cos(turn), -scale * np.sin(turn), shift],
            [scale * np.sin(turn), scale * np.cos(turn), -shift],
            [tilt, tilt / 2, 1],
        ]
    )
    back = np.linalg.inv(there)
    np.testing.assert_allclose(project(project(points, there), back), points, atol=1e-6)
    expected = cv2.perspectiveTransform(points[None], there)[0]
    np.testing.assert_allclose(project(points, there), expected, atol=1e-6)


def test_the_view_shows_tray_millimetres_at_their_pixels() -> None:
    picture = np.zeros((200, 300, 3), np.uint8)
    cv2.circle(picture, (140, 90), 4, (255, 255, 255), -1)
    picture_from_tray = np.array([[0, -1.0, 200], [1.0, 0, 10], [0, 0, 1]])
    view, valid = rectify(picture, picture_from_tray, (100, 80), 2.0)
    assert view.shape == (160, 200, 3)
    assert valid.all()
    y, x = np.nonzero(view[..., 0] > 128)
    assert (x.mean(), y.mean()) == pytest.approx((160, 120), abs=0.6)


def test_what_lies_outside_the_picture_is_not_valid() -> None:
    picture = np.full((100, 100, 3), 200, np.uint8)
    view, valid = rectify(picture, np.array([[1.0, 0, -50], [0, 1, 0], [0, 0, 1]]), (100, 80), 1.0)
    assert not valid[:, :49].any()
    assert valid[:, 51:].all()
    assert (view[:, :49] == 0).all()


def test_a_large_picture_is_reduced_without_aliasing() -> None:
    stripes = np.zeros((1600, 2000, 3), np.uint8)
    stripes[:, ::2] = 255
    view, _ = rectify(stripes, np.diag([5.0, 5.0, 1.0]), (300, 200), 1.0)
    assert view.std() < 12
    assert view.mean() == pytest.approx(127, abs=4)


@given(st.integers(40, 3000), st.integers(40, 3000), st.floats(0.1, 3))
def test_resizing_keeps_pixel_centres(width: int, height: int, scale: float) -> None:
    # The centre of the picture stays the centre, whatever the convention for corners.
    centre = np.array([[(width - 1) / 2, (height - 1) / 2]])
    moved = project(centre, resized(np.eye(3), scale, scale))
    np.testing.assert_allclose(moved, [[(width * scale - 1) / 2, (height * scale - 1) / 2]], atol=1e-6)


def test_the_size_of_a_view() -> None:
    assert rectified_size((375, 290), 1.6) == (600, 464)
