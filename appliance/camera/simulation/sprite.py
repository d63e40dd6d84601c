"""A thing seen from straight above, ready to be laid into a picture."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Sprite:
    """A picture with transparency at `px_per_mm`, its own origin at its centre.

    `bgra`, shape (height, width, 4), is premultiplied by its alpha; `mirror`, shape (height, width), 0..255,
    is how much a pixel mirrors the lamps overhead.
    """

    bgra: npt.NDArray[np.uint8]
    mirror: npt.NDArray[np.uint8] | None
    px_per_mm: float
