"""Find a calibrated tray in a picture and say which way round it lies."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Homography = npt.NDArray[np.float64]
"""A 3x3 projective map of points."""


@dataclass(frozen=True, eq=False)
class Located:
    """Where a tray lies.

    `picture_from_tray` maps tray millimetres to source picture pixels. `score` is 0..1, how well the layout
    matches; `in_frame_fraction` is 0..1, the share of the tray's area inside the picture.
    """

    picture_from_tray: Homography
    score: float
    in_frame_fraction: float
