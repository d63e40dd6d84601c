"""What the appliance and the networks' process say to each other through their pipe."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from appliance.errors import BrokenRunError, InferenceError, NoDeviceError, ParityError, WrongModelError
from appliance.inference.agreement import Agreement
from appliance.inference.engine import Engine
from appliance.inference.manifest import Device, ModelFile
from appliance.inference.selection import Network, Selection

Factory = Callable[[Device], Mapping[Network, Engine]]
"""Opens the networks on a device; picklable, and called in their own process."""

KINDS: Final[Mapping[str, type[InferenceError]]] = {
    kind.__name__: kind for kind in (NoDeviceError, WrongModelError, ParityError, BrokenRunError)
}


@dataclass(frozen=True)
class Job:
    """The first message: what to open, and how the memory is laid out.

    `parity` are the networks whose record the first answers are held against; None to hold them to nothing.
    """

    factory: Factory
    device: Device
    files: Mapping[Network, ModelFile]
    parity: Selection | None = None


@dataclass(frozen=True)
class Ready:
    """The networks have run; `first_ms` and `next_ms` are the times of a first and a second run.

    `parity` is how they agree with what the workstation recorded, `unproven` why that is not known, if it is
    not.
    """

    first_ms: Mapping[Network, float]
    next_ms: Mapping[Network, float]
    parity: Mapping[Network, tuple[Agreement, ...]] = field(default_factory=dict)
    unproven: str | None = None

    @property
    def agreement(self) -> str:
        """How the networks agree with the workstation, in words; empty where that is not known."""
        return ", ".join(str(one) for agreements in self.parity.values() for one in agreements)


@dataclass(frozen=True)
class Run:
    """Run a network on the picture of its size; the `serial`-th request."""

    serial: int
    network: Network


@dataclass(frozen=True)
class Ping:
    """Is anybody there? The `serial`-th request, like a run."""

    serial: int


@dataclass(frozen=True)
class Done:
    """The outputs of a run are on the board; or the answer to a ping."""

    serial: int


@dataclass(frozen=True)
class Failed:
    """The process gives up; `kind` is one of `KINDS`."""

    kind: str
    message: str

    @classmethod
    def of(cls, error: Exception) -> "Failed":
        """Return what is told of an error; one that is none of the known kinds is a broken run."""
        if isinstance(error, InferenceError):
            return cls(type(error).__name__, str(error))
        return cls(BrokenRunError.__name__, f"{type(error).__name__}: {error}")

    def error(self) -> InferenceError:
        """Return the error as one that can be raised."""
        return KINDS.get(self.kind, BrokenRunError)(self.message)
