"""The camera, where the tray lies under it, and rays."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convert.synth.grid import Field
from convert.synth.noise import Rng, uniform

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole above the counter. Pixel (0, 0) is the centre of the first pixel.

    `rotation` takes room directions (x right, y down, z down) to the camera's (x right, y down, z forward).
    """

    width: int
    height: int
    focal_px: float
    above_counter_mm: float
    rotation: Matrix

    @property
    def intrinsics(self) -> Matrix:
        """Return K, 3x3."""
        return np.array(
            [[self.focal_px, 0, (self.width - 1) / 2], [0, self.focal_px, (self.height - 1) / 2], [0, 0, 1]]
        )


@dataclass(frozen=True)
class Pose:
    """How the tray lies: its centre in the room in mm, turned by `angle` radians (clockwise as seen)."""

    x_mm: float
    y_mm: float
    angle: float

    def to_room(self, x: Field, y: Field) -> tuple[Field, Field]:
        """Turn a direction from the tray's frame into the room's."""
        c, s = np.float32(np.cos(self.angle)), np.float32(np.sin(self.angle))
        return c * x - s * y, s * x + c * y


@dataclass(frozen=True, eq=False)
class View:
    """A camera and a tray under it; everything in the tray's frame (heights above the deck)."""

    camera: Camera
    pose: Pose
    counter_mm: float

    @property
    def _turn(self) -> Matrix:
        c, s = np.cos(self.pose.angle), np.sin(self.pose.angle)
        return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])

    @property
    def tray_to_camera(self) -> tuple[Matrix, Matrix]:
        """Return R (3x3) and t (3, mm): camera = R @ (x, y, -height) + t."""
        rotation = self.camera.rotation @ self._turn
        return rotation, -rotation @ self.eye

    @property
    def eye(self) -> Matrix:
        """Return the camera's place in the tray's frame as (x, y, -height)."""
        down = -(self.camera.above_counter_mm + self.counter_mm)
        in_room = np.array([-self.pose.x_mm, -self.pose.y_mm, down])
        return np.asarray(self._turn.T @ in_room)

    def picture_from_plane(self, height_mm: float) -> Matrix:
        """Return the homography from tray (x, y) mm at a height to picture pixels."""
        rotation, shift = self.tray_to_camera
        plane = np.column_stack([rotation[:, 0], rotation[:, 1], -height_mm * rotation[:, 2] + shift])
        return np.asarray(self.camera.intrinsics @ plane)

    def project(self, points: Matrix, height_mm: float) -> Matrix:
        """Return the pixels of tray points (N, 2) at a height."""
        u, v, w = self.picture_from_plane(height_mm) @ np.column_stack([points, np.ones(len(points))]).T
        return np.stack([u / w, v / w], axis=1)

    def rays(self, columns: Field, rows: Field) -> tuple[Field, Field]:
        """Return how far rays move in x and y (tray frame) for each mm that they descend."""
        camera = self.camera
        x, y = (
            (columns - (camera.width - 1) / 2) / camera.focal_px,
            (rows - (camera.height - 1) / 2) / camera.focal_px,
        )
        rotation, _ = self.tray_to_camera
        r = rotation.T.astype(np.float32)
        down = r[2, 0] * x + r[2, 1] * y + r[2, 2]
        across = (r[0, 0] * x + r[0, 1] * y + r[0, 2]) / down
        along = (r[1, 0] * x + r[1, 1] * y + r[1, 2]) / down
        return across.astype(np.float32), along.astype(np.float32)


def draw_camera(rng: Rng, width: int, height: int, tray_mm: tuple[float, float]) -> Camera:
    """Return a random lens, height and tilt under which the whole tray fits at any angle in most cases."""
    diagonal = float(np.hypot(*tray_mm))
    above = uniform(rng, (450, 600))
    fits = uniform(rng, (0.86, 1.14)) * diagonal
    widest = fits * width / height
    focal = width / widest * above
    tilt_x, tilt_y = np.radians(rng.normal(0, 3.2, 2)).clip(-0.16, 0.16)
    roll = rng.normal(0, 0.03)
    cx, sx, cy, sy, cr, sr = (f(a) for a in (tilt_x, tilt_y, roll) for f in (np.cos, np.sin))
    rotation = (
        np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
        @ np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
        @ np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    )
    return Camera(width, height, float(focal), above, rotation)


def aim(camera: Camera) -> tuple[float, float]:
    """Return where the optical axis meets the counter, in room mm."""
    x, y, z = camera.rotation.T @ np.array([0.0, 0.0, 1.0])
    return float(x / z * camera.above_counter_mm), float(y / z * camera.above_counter_mm)
