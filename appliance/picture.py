"""Pictures in memory, and reading them from files without trusting the files."""

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
"""An 8-bit colour picture, shape (height, width, 3), channels in OpenCV's order: blue, green, red."""
