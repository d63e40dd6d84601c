"""What the appliance knows of its networks: pictures of trays in, maps out, in time or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from appliance.clock import Deadline
from appliance.inference.manifest import Device
from appliance.inference.selection import Network
from appliance.picture import Picture

Maps = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Segmented:
    """What the segmentation network says of a tray, as probabilities.

    `probabilities` (7, H, W) float32 in the order of `selection.CLASSES`; `quantity` (5,) float32 of
    the classes of leftover quantity, None where the network has no such head.
    """

    probabilities: Maps
    quantity: Maps | None


@dataclass(frozen=True)
class NetworkCounts:
    """What has happened to the networks' processes since the service started.

    `faults` of a process that served or was to serve, `respawns` of processes after the first one,
    `usb_resets` and `power_cycles` of the Edge TPU, and `stuck` processes that the kernel could not end.
    """

    faults: int = 0
    respawns: int = 0
    usb_resets: int = 0
    power_cycles: int = 0
    stuck: int = 0


class Networks(Protocol):
    """The depth and the segmentation network, wherever they run.

    A view is the whole rectified tray, edge to edge, (H, W, 3) BGR uint8 of any size; it must not change
    while it is measured, for one that is given twice is looked at once. Each call returns or raises by its
    deadline, and at once while there are no networks to ask. Both raise `InferenceError`; which of its kinds
    says what a caller can do. Calls may come from several threads; one network runs at a time.
    """

    @property
    def device(self) -> Device:
        """Where the networks run now."""

    @property
    def versions(self) -> Mapping[str, str]:
        """Name of each model → what tells its file from every other, as `Reading.models` has it."""

    @property
    def names(self) -> Mapping[Network, str]:
        """Each network → the name of its model, as `versions` has it."""

    def depth(self, view: Picture, deadline: Deadline) -> Maps:
        """Return the depth network's map (H, W) float32, as `estimate.depth` takes it."""

    def segmentation(self, view: Picture, deadline: Deadline) -> Segmented:
        """Return the class probabilities."""

    def wait_until_ready(self, deadline: Deadline) -> bool:
        """Wait until the networks can be asked; return False where they cannot by then, or never will."""

    def complaints(self) -> tuple[str, ...]:
        """Return what a maintainer should know, each one line: the CPU stands in, restarts, and the like."""

    def counts(self) -> NetworkCounts:
        """Return how often what was needed so far."""

    def close(self) -> None:
        """Let go of the device; no call may follow."""
