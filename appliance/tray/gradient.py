"""Brightness gradients of a picture, and how strong they are along the normals of a curve."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from appliance.picture import Picture
from appliance.tray.layout import Points

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Gradient:
    """Derivatives of brightness, float32 (H, W), grey levels per pixel; `scale` is H over the source's."""

    dx: Floats
    dy: Floats
    scale: float

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.dx.shape[1], self.dx.shape[0]


def gradient(picture: Picture, longest_side_px: int) -> Gradient:
    """Return the gradient of a picture reduced to at most `longest_side_px`."""
    scale = min(1.0, longest_side_px / max(picture.shape[:2]))
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    if scale < 1:
        size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    # Scharr's 3x3 kernel has the most even response over directions; /32 makes it grey levels per pixel.
    grey = cv2.GaussianBlur(grey, (0, 0), 0.8)
    dx, dy = (
        cv2.Scharr(grey, cv2.CV_32F, x, 1 - x, scale=1 / 32).astype(np.float32, copy=False) for x in (1, 0)
    )
    return Gradient(dx, dy, scale)


def along_normals(
    field: Gradient, points: Points, normals: Points, offsets: npt.NDArray[np.float64]
) -> Floats:
    """Return |gradient . normal| at `points` + offset * `normals`, shape (N, K); 0 outside the picture.

    Points (N, 2) and offsets (K,) in the gradient's own pixels, normals (N, 2) of length 1.
    """
    x = (points[:, :1] + normals[:, :1] * offsets).astype(np.float32)
    y = (points[:, 1:] + normals[:, 1:] * offsets).astype(np.float32)
    across = [
        cv2.remap(channel, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT) * normals[:, i : i + 1]
        for i, channel in enumerate((field.dx, field.dy))
    ]
    return np.abs(across[0] + across[1]).astype(np.float32)
