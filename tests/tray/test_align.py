import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.tray.align import (
    AFFINE,
    PROJECTIVE,
    SIMILARITY,
    Samples,
    moved_along_normals,
    projected_normals,
)
from appliance.tray.curves import resample, rounded_rectangle
from appliance.tray.layout import Points
from appliance.tray.rectify import Homography, project


def samples() -> Samples:
    points, normals = resample(rounded_rectangle(0, 0, 375, 290, 38), 10.0)
    return Samples(points, normals, np.ones(len(points)), (187.5, 145.0), 187.5)


def pose(angle_deg: float, px_per_mm: float, tilt: float) -> Homography:
    """Turn, scale and tilt about the middle of the tray."""
    turn = px_per_mm * np.exp(1j * np.radians(angle_deg))
    turned = np.array([[turn.real, -turn.imag, 400], [turn.imag, turn.real, 300], [tilt, -tilt / 2, 1]])
    return np.asarray(turned @ [[1, 0, -187.5], [0, 1, -145], [0, 0, 1]], np.float64)


poses = st.builds(pose, st.floats(0, 360), st.floats(0.3, 2.0), st.floats(-5e-4, 5e-4))


@given(poses)
def test_normals_are_square_to_the_projected_curve_and_look_outwards(picture_from_tray: Homography) -> None:
    curve = samples()
    points, normals = projected_normals(curve, picture_from_tray)
    tangents = np.stack([-curve.normals[:, 1], curve.normals[:, 0]], axis=1)
    ahead = project(curve.points + 0.01 * tangents, picture_from_tray) - points
    assert np.hypot(*normals.T) == pytest.approx(1)
    assert np.abs((ahead / np.hypot(*ahead.T)[:, None] * normals).sum(axis=1)).max() < 1e-6
    outwards = project(curve.points + curve.normals, picture_from_tray) - points
    assert (outwards * normals).sum(axis=1).min() > 0


@given(poses, st.sampled_from([SIMILARITY, AFFINE, PROJECTIVE]), st.floats(-2, 2), st.floats(-2, 2))
def test_curves_follow_what_lies_shifted_along_their_normals(
    picture_from_tray: Homography, freedom: int, x_px: float, y_px: float
) -> None:
    curve = samples()
    projected = projected_normals(curve, picture_from_tray)
    shift: Points = np.array([x_px, y_px])
    moved = moved_along_normals(
        curve, picture_from_tray, projected, projected[1] @ shift, curve.weights, freedom=freedom
    )
    assert project(curve.points, moved) - projected[0] == pytest.approx(
        np.tile(shift, (len(curve.points), 1)), abs=0.3
    )
