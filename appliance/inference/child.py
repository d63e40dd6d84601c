"""The networks' process: `python -m appliance.inference.child PIPE MEMORY`, both file descriptors.

The appliance starts it with the threads of BLAS and OpenMP limited by the environment, before anything here
is imported. It knows neither OpenCV nor settings nor the appliance: tensors in, tensors out.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import numpy as np

from appliance.errors import BrokenRunError, ModelError, ParityError
from appliance.inference.agreement import Agreement
from appliance.inference.board import Board, lay_out, size_of
from appliance.inference.encode import Encoder
from appliance.inference.engine import Engine
from appliance.inference.manifest import Device
from appliance.inference.parity import ParityRecord, parity_of
from appliance.inference.selection import Network, Selection
from appliance.inference.wire import Done, Failed, Job, Ready, Run

_PR_SET_PDEATHSIG: Final = 1
_FIRST_TO_GO: Final = "900"

_MENDS: Final[Mapping[Device, str]] = {
    "edgetpu": "replug the Coral, and replace it if that does not help",
    "cpu": "install the runtime and the models again",
}


def main(pipe: Connection, memory: int) -> None:
    """Open what the job names, run it once, then on request until told to stop or nobody is there."""
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        job: Job = pipe.recv()
        try:
            engines = job.factory(job.device)
            worker = _Worker(engines, lay_out(memory, job.files))
            pipe.send(worker.warm_up(job.parity))
            while (request := pipe.recv()) is not None:
                if isinstance(request, Run):
                    worker.run(request.network)
                pipe.send(Done(request.serial))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a runtime raises is told, like a crash
            pipe.send(Failed.of(error))


class _Worker:
    def __init__(self, engines: Mapping[Network, Engine], board: Board) -> None:
        self._engines = engines
        self._board = board
        self._encoders = {network: Encoder(engine.file.input) for network, engine in engines.items()}

    def warm_up(self, selection: Selection | None) -> Ready:
        """Run each network twice on the picture of the selection's parity record, else on a test pattern.

        Raises `BrokenRunError` where it answers nonsense, `ParityError` where it answers something else than
        on the workstation.
        """
        record, unproven = _record_of(selection)
        for size, picture in self._board.pictures.items():
            picture[:] = _test_pattern(*size) if record is None else record.pictures[size]
        first, second = ({network: self._timed_ms(network) for network in self._engines} for _ in range(2))
        for network in self._engines:
            if not all(np.isfinite(output).all() for output in self._board.outputs[network]):
                raise BrokenRunError(f"{network}: gives no finite numbers for a test pattern")
        return Ready(first, second, {} if record is None else self._compared(record), unproven)

    def run(self, network: Network) -> None:
        """Run a network on the picture of its size, and put its outputs on the board."""
        engine = self._engines[network]
        tensor = self._encoders[network].encode(self._board.pictures[size_of(engine.file)])
        for slot, output in zip(self._board.outputs[network], engine.run(tensor), strict=True):
            slot[:] = output

    def _compared(self, record: ParityRecord) -> dict[Network, tuple[Agreement, ...]]:
        found = {
            network: record.compare(network, engine.file, self._board.outputs[network])
            for network, engine in self._engines.items()
        }
        faults = [
            f"{network} ({self._engines[network].file.file}): {one.fault}"
            for network, agreements in found.items()
            for one in agreements
            if one.fault is not None
        ]
        if faults:
            mend = _MENDS[next(iter(self._engines.values())).file.device]
            raise ParityError(
                f"a known picture is not answered as on the workstation: {'; '.join(faults)}; {mend}"
            )
        return found

    def _timed_ms(self, network: Network) -> float:
        started_s = time.monotonic()
        self.run(network)
        return (time.monotonic() - started_s) * 1000


def _record_of(selection: Selection | None) -> tuple[ParityRecord | None, str | None]:
    """Return what a selection's networks have to answer, and why that is not known."""
    if selection is None:
        return None, None
    try:
        return parity_of(selection.folder, selection), None
    except ModelError as error:
        return None, str(error)


def _test_pattern(height: int, width: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return a picture (H, W, 3) with every shade and many edges."""
    rows, columns = np.mgrid[0:height, 0:width]
    shades = [rows * 255 // max(height - 1, 1), columns * 255 // max(width - 1, 1), (rows ^ columns) & 255]
    return np.stack(shades, axis=-1).astype(np.uint8)


def _end_with_parent(parent: int) -> None:
    """Have the kernel end this process with the appliance, also while it hangs."""
    with contextlib.suppress(AttributeError, OSError):  # not Linux: a workstation
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit("the appliance is gone")


def _go_first() -> None:
    """Have the kernel end this process, not the appliance, where memory runs out."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO)


if __name__ == "__main__":
    _pipe, _memory, _parent = (int(argument) for argument in sys.argv[1:])
    _end_with_parent(_parent)
    _go_first()
    main(Connection(_pipe), _memory)
