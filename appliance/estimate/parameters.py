"""The parameters of back projection."""

from dataclasses import dataclass
from typing import Literal

Channels = Literal["H+S", "H+V", "S+V"]
Morphology = Literal["close", "open", "none"]


@dataclass(frozen=True)
class BackProjectionParameters:
    """How to project back.

    `method` "ratio" is the default; "study" is the original study's, and the other parameters are its:
    `use_channels` is the pair of HSV channels in the histogram, `hist_bins` its bins, `thresh` 0..255 the
    match from which on a pixel is food, `morph_op` the morphology on the mask. `use_percentile` takes as
    threshold instead the match that `food_percent` per cent of the served well's own pixels reach.
    """

    method: Literal["ratio", "study"] = "ratio"
    use_channels: Channels = "H+S"
    hist_bins: tuple[int, int] = (180, 256)
    thresh: int = 50
    morph_op: Morphology = "close"
    use_percentile: bool = False
    food_percent: float = 70.0

    def __post_init__(self) -> None:
        """Refuse values that OpenCV would misread."""
        if self.use_channels not in {"H+S", "H+V", "S+V"}:
            raise ValueError(f"use_channels is H+S, H+V or S+V, not {self.use_channels}")
        if self.morph_op not in {"close", "open", "none"}:
            raise ValueError(f"morph_op is close, open or none, not {self.morph_op}")
        if self.method not in {"ratio", "study"}:
            raise ValueError(f"method is ratio or study, not {self.method}")
        if len(self.hist_bins) != 2 or not all(1 <= bins <= 256 for bins in self.hist_bins):
            raise ValueError(f"hist_bins are two numbers from 1 to 256, not {self.hist_bins}")
        if not 0 <= self.thresh <= 255:
            raise ValueError(f"thresh lies between 0 and 255, not at {self.thresh}")
        if not 0.0 <= self.food_percent <= 100.0:
            raise ValueError(f"food_percent lies between 0 and 100, not at {self.food_percent}")
