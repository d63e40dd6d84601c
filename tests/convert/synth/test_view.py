"""Rays, projections and height fields agree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convert.synth.grid import Grid
from convert.synth.march import Cover, look
from convert.synth.view import Camera, Pose, View, draw_camera


def view(seed: int, angle: float) -> View:
    camera = draw_camera(np.random.default_rng(seed), 128, 96, (370, 290))
    return View(camera, Pose(12.0, -7.0, angle), -27.0)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    angle=st.floats(-3.2, 3.2),
    point=st.tuples(st.floats(-180, 180), st.floats(-140, 140)),
    height=st.floats(-30, 40),
)
def test_a_rays_place_at_a_height_projects_to_its_pixel(
    seed: int, angle: float, point: tuple[float, float], height: float
) -> None:
    seen = view(seed, angle)
    u, v = seen.project(np.array([point]), height)[0]
    across, along = seen.rays(np.array([[u]], np.float32), np.array([[v]], np.float32))
    eye = seen.eye
    descended = -eye[2] - height
    found = eye[0] + across[0, 0] * descended, eye[1] + along[0, 0] * descended
    assert found == pytest.approx(point, abs=0.02)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), angle=st.floats(-3.2, 3.2))
def test_camera_coordinates_are_a_rotation(seed: int, angle: float) -> None:
    rotation, shift = view(seed, angle).tray_to_camera
    assert rotation @ rotation.T == pytest.approx(np.eye(3), abs=1e-9)
    assert np.linalg.det(rotation) == pytest.approx(1)
    assert shift[2] > 300


def straight_down() -> View:
    return View(Camera(128, 96, 110.0, 500.0, np.eye(3)), Pose(0.0, 0.0, 0.0), -20.0)


def pixels() -> tuple[np.typing.NDArray[np.float32], np.typing.NDArray[np.float32]]:
    u, v = np.meshgrid(np.arange(128, dtype=np.float32), np.arange(96, dtype=np.float32))
    return u, v


def test_rays_meet_slopes_where_they_are() -> None:
    grid = Grid.around(300, 200)
    slope = (0.1 * grid.x + 0.05 * grid.y - 5).astype(np.float32)
    hits = look(slope, grid, straight_down(), pixels())
    inside = (np.abs(hits.x) < 200) & (np.abs(hits.y) < 150)
    assert inside.sum() > 4000
    assert hits.height[inside] == pytest.approx((0.1 * hits.x + 0.05 * hits.y - 5)[inside], abs=0.02)


def test_what_hangs_above_covers_and_lets_rays_pass_below() -> None:
    grid = Grid.around(300, 200)
    floor = np.full((grid.rows, grid.columns), -20, np.float32)
    stick = (np.abs(grid.y) < 6) & (np.abs(grid.x) < 60)
    sides = np.dstack([np.where(stick, 4, -300), np.where(stick, 0, 300)]).astype(np.float32)
    hits = look(floor, grid, straight_down(), pixels(), Cover(sides, 4.0, 0.0))
    assert 20 < hits.covered.sum() < 400
    assert hits.height[hits.covered].min() > -1.5
    assert (np.abs(hits.x[hits.covered]) < 62).all()
    assert (np.abs(hits.y[hits.covered]) < 8).all()
    assert hits.height[~hits.covered] == pytest.approx(-20, abs=0.01)


def test_a_cover_at_the_grids_edge_goes_on_outside() -> None:
    grid = Grid.around(150, 100)
    floor = np.full((grid.rows, grid.columns), -20, np.float32)
    arm = np.broadcast_to((np.abs(grid.y) < 15) & (grid.x > 20), floor.shape)
    sides = np.dstack([np.where(arm, 20, -300), np.where(arm, 5, 300)]).astype(np.float32)
    hits = look(floor, grid, straight_down(), pixels(), Cover(sides, 20.0, 5.0))
    assert hits.covered[47, -1]
    assert not hits.covered[47, 0]
