"""Networks that answer what they are told to: the fake beside the real ones."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from appliance.clock import Deadline
from appliance.errors import BrokenRunError, InferenceError
from appliance.inference.manifest import Device
from appliance.inference.networks import Maps, NetworkCounts, Segmented
from appliance.inference.selection import Network
from appliance.picture import Picture


class FakeNetworks:
    """`Networks` around two functions from a view to its answer; what they raise, the calls raise.

    Set `fault` to have every call fail with it, `device`, `said` and `counted` to what they should say.
    `asked` counts the calls by network.
    """

    def __init__(
        self,
        depth: Callable[[Picture], Maps],
        segmentation: Callable[[Picture], Segmented],
        *,
        device: Device = "cpu",
        versions: Mapping[str, str] = MappingProxyType({"depth": "fake", "segmentation": "fake"}),
    ) -> None:
        self._depth = depth
        self._segmentation = segmentation
        self._versions = versions
        self.device: Device = device
        self.fault: InferenceError | None = None
        self.said: tuple[str, ...] = ()
        self.counted = NetworkCounts()
        self.asked = {"depth": 0, "segmentation": 0}
        self.closed = False

    @property
    def versions(self) -> Mapping[str, str]:
        """Return what it was made with."""
        return self._versions

    @property
    def names(self) -> Mapping[Network, str]:
        """Return names that `versions` has unless it was made with others."""
        return {"depth": "depth", "segmentation": "segmentation"}

    def depth(self, view: Picture, deadline: Deadline) -> Maps:
        """Return what the function says; raises `fault`, and `BrokenRunError` after the deadline."""
        self._begin("depth", deadline)
        return self._depth(view)

    def segmentation(self, view: Picture, deadline: Deadline) -> Segmented:
        """Return what the function says; raises as `depth` does."""
        self._begin("segmentation", deadline)
        return self._segmentation(view)

    def wait_until_ready(self, deadline: Deadline) -> bool:
        """Return whether there is no fault; never waits."""
        return self.fault is None and not deadline.passed

    def complaints(self) -> tuple[str, ...]:
        """Return `said`."""
        return self.said

    def counts(self) -> NetworkCounts:
        """Return `counted`."""
        return self.counted

    def close(self) -> None:
        """Remember it."""
        self.closed = True

    def _begin(self, network: str, deadline: Deadline) -> None:
        if self.closed:
            raise ValueError("the networks are closed")
        self.asked[network] += 1
        if self.fault is not None:
            raise self.fault
        if deadline.passed:
            raise BrokenRunError(f"{network}: no time was left for it")
