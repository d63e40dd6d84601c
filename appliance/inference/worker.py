"""Runs the networks in a process of their own: a delegate that aborts, hangs or leaks costs no reading."""

import contextlib
import logging
import threading
from collections.abc import Mapping
from multiprocessing.connection import wait
from socket import socketpair
from typing import Final

from appliance.budget import END_STEP_S
from appliance.clock import Clock, Deadline
from appliance.errors import BrokenRunError
from appliance.inference.interpret import Array, by_meaning, class_probabilities, depth_map, softmax
from appliance.inference.ladder import Ladder
from appliance.inference.manifest import Device, Meaning
from appliance.inference.networks import Maps, NetworkCounts, Segmented
from appliance.inference.process import Limits, NetworksProcess, patience_with_starts
from appliance.inference.selection import Network, Selection
from appliance.inference.supervisor import Care, Supervisor
from appliance.inference.wire import Factory, Job
from appliance.picture import Picture

_LOG = logging.getLogger(__name__)

_LOOK_S: Final = 0.25
_LOOK_WHILE_BUSY_S: Final = 0.05


class WorkerNetworks:
    """`Networks` in a process that is watched, and replaced when it fails; `factory` opens them there.

    A thread starts the process and looks after it. Whoever asks while there is none is told why, at once.
    `parity` says whether each process first has to answer a known picture as the folder's record has it.
    """

    def __init__(
        self,
        selection: Selection,
        factory: Factory,
        ladder: Ladder,
        limits: Limits,
        clock: Clock,
        *,
        care: Care | None = None,
        expected: bool = False,
        parity: bool = True,
    ) -> None:
        self._selection = selection

        starts = {device: patience_with_starts(limits) for device in selection.devices}

        def start(device: Device) -> NetworksProcess:
            return NetworksProcess(
                Job(factory, device, selection.files(device), selection if parity else None),
                limits,
                clock,
                starts[device],
            )

        self._supervisor = Supervisor(start, ladder, clock, care=care, expected=expected)
        self._changed = threading.Condition()
        self._bell, self._button = socketpair()
        self._bell.settimeout(0)
        self._button.settimeout(0)
        self._closing = False
        self._thread = threading.Thread(target=self._watch, name="networks", daemon=True)
        self._thread.start()

    @property
    def device(self) -> Device:
        """Where the networks run now, or will when they have started."""
        return self._supervisor.device

    @property
    def versions(self) -> Mapping[str, str]:
        """Name of each model → what tells its file on `device` from every other."""
        return self._selection.versions(self.device)

    @property
    def names(self) -> Mapping[Network, str]:
        """Each network → the name of its model."""
        return self._selection.names

    def depth(self, view: Picture, deadline: Deadline) -> Maps:
        """Return the depth network's map (H, W) float32."""
        return depth_map(self._ask("depth", view, deadline)["inverse_depth"])

    def segmentation(self, view: Picture, deadline: Deadline) -> Segmented:
        """Return the class probabilities."""
        values = self._ask("segmentation", view, deadline)
        quantity = values.get("quantity")
        return Segmented(
            class_probabilities(values["segmentation"]),
            None if quantity is None else softmax(quantity).astype(quantity.dtype),
        )

    def wait_until_ready(self, deadline: Deadline) -> bool:
        """Wait until the networks can be asked; return False where they cannot by then, or no retry helps."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._serves or self._supervisor.hopeless or self._closing, deadline.remaining_s
            )
            return self._serves and not self._closing

    def complaints(self) -> tuple[str, ...]:
        """Return what a maintainer should know, each one line."""
        return self._supervisor.complaints()

    def counts(self) -> NetworkCounts:
        """Return how often what was needed so far."""
        return self._supervisor.counts()

    def close(self) -> None:
        """End the process; no call may follow."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._ring()
        self._thread.join(3 * END_STEP_S)

    @property
    def _serves(self) -> bool:
        process = self._supervisor.serving
        return process is not None and process.usable

    def _ask(self, network: Network, view: Picture, deadline: Deadline) -> Mapping[Meaning, Array]:
        process = self._supervisor.serving
        if process is None:
            why = self._supervisor.why
            raise type(why)(str(why))
        try:
            tensors = process.ask(network, view, deadline)
        except BrokenRunError:
            self._ring()
            raise
        try:
            return by_meaning(tensors, self._selection.files(process.device)[network].outputs)
        except BrokenRunError as error:
            process.reject(f"{network}: {error}")
            self._ring()
            raise

    def _watch(self) -> None:
        """Look after the processes; they end with this thread, so it ends with the object only."""
        while not self._closing:
            try:
                self._supervisor.look()
            except Exception:  # noqa: BLE001 - this thread must not end
                _LOG.exception("looking after the networks failed")
            with self._changed:
                self._changed.notify_all()
            self._rest()
        self._supervisor.close()
        self._bell.close()
        self._button.close()

    def _rest(self) -> None:
        """Wait until the next look is due, somebody rings, or a process that is needed ends."""
        look_s = _LOOK_WHILE_BUSY_S if self._supervisor.busy else _LOOK_S
        wait([self._bell, *self._supervisor.ends], look_s)
        with contextlib.suppress(BlockingIOError):
            self._bell.recv(64)

    def _ring(self) -> None:
        """Have the thread look at once."""
        # A bell that is full rings already; one that is closed has nobody to wake.
        with contextlib.suppress(OSError):
            self._button.send(b"\0")
