"""Networks that know a calibration's references, for tests of what is made of their answers."""

from collections.abc import Callable
from typing import TypeVar

import cv2
import numpy as np

from appliance.clock import Clock, Deadline
from appliance.errors import BrokenRunError
from appliance.estimate.contents import CLASSES, CLEAN, FOREIGN, SOLID
from appliance.inference.fake import FakeNetworks
from appliance.inference.networks import Maps, Segmented
from appliance.picture import Picture
from appliance.tray.calibration import Calibration
from appliance.tray.layout import Compartment

Answer = TypeVar("Answer")

SIDE = 128
_DECK, _MM_PER_UNIT = 1.0, 50.0


def knowing(calibration: Calibration, *, covered: int | None = None) -> FakeNetworks:
    """Return networks that see the full reference as every well filled to the brim with something solid.

    The empty one is bare, every other tray half full, and something foreign hides the well `covered` of it.
    """

    def level(view: Picture) -> float:
        return 0.0 if view is calibration.empty else 1.0 if view is calibration.full else 0.5

    def depth(view: Picture) -> Maps:
        surface_mm = np.zeros((SIDE, SIDE), np.float32)
        for well in calibration.layout.compartments:
            surface_mm[_inside(calibration, well)] = (level(view) - 1) * well.depth_mm
        return (_DECK + surface_mm / _MM_PER_UNIT).astype(np.float32)

    def segmentation(view: Picture) -> Segmented:
        classes = np.full((SIDE, SIDE), CLEAN)
        for well in calibration.layout.compartments:
            if level(view) > 0:
                classes[_inside(calibration, well)] = SOLID
            if level(view) == 0.5 and well.id == covered:
                classes[_inside(calibration, well)] = FOREIGN
        probabilities = np.arange(len(CLASSES))[:, None, None] == classes
        return Segmented(probabilities.astype(np.float32), None)

    return FakeNetworks(depth, segmentation)


class SlowNetworks(FakeNetworks):
    """Takes its time by a clock that tests turn, and breaks off at the deadline, as the real ones do.

    `takes_s` is what each network takes, by name.
    """

    def __init__(self, networks: FakeNetworks, clock: Clock, **takes_s: float) -> None:
        super().__init__(networks._depth, networks._segmentation)
        self.clock = clock
        self.takes_s = takes_s

    def depth(self, view: Picture, deadline: Deadline) -> Maps:
        return self._slowly("depth", lambda: super(SlowNetworks, self).depth(view, deadline), deadline)

    def segmentation(self, view: Picture, deadline: Deadline) -> Segmented:
        return self._slowly(
            "segmentation", lambda: super(SlowNetworks, self).segmentation(view, deadline), deadline
        )

    def _slowly(self, network: str, ask: Callable[[], Answer], deadline: Deadline) -> Answer:
        answer = ask()
        remaining_s, takes_s = deadline.remaining_s, self.takes_s.get(network, 0.0)
        self.clock.sleep_s(min(takes_s, remaining_s))
        if takes_s > remaining_s:
            raise BrokenRunError(f"{network}: broken off")
        return answer


def _inside(calibration: Calibration, well: Compartment) -> np.ndarray:
    width, height = calibration.layout.tray_mm
    mask = np.zeros((SIDE, SIDE), np.uint8)
    outline = well.outline_mm * np.array([SIDE / width, SIDE / height])
    cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], (1,))
    return mask > 0
