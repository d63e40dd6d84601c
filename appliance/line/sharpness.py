"""How sharp a tray's picture is."""

import cv2
import numpy as np
import numpy.typing as npt

from appliance.picture import Picture


def sharpness(image: Picture, corners_px: npt.NDArray[np.float32]) -> float:
    """Return the variance of the Laplacian (grey levels squared) in the middle of a tray.

    The measure is LAPV of S. Pertuz et al., "Analysis of focus measure operators for shape-from-focus",
    Pattern Recognition 46(5), 2013. `corners_px` has shape (4, 2); the box around the tray's centre of half
    its extent is judged, which holds no background.
    """
    centre, extent = corners_px.mean(axis=0), np.ptp(corners_px, axis=0)
    left, top = np.floor(centre - 0.25 * extent).astype(int)
    right, bottom = np.ceil(centre + 0.25 * extent).astype(int)
    part = image[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    if part.size == 0:
        return 0.0
    grey = cv2.cvtColor(part, cv2.COLOR_BGR2GRAY)
    return float(cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_32F))[1][0, 0] ** 2)
