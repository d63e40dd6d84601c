"""One process of the networks, seen from the appliance: asked, watched, and ended."""

import contextlib
import logging
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from socket import socketpair
from typing import Any, Final

import numpy.typing as npt

from appliance.budget import END_STEP_S
from appliance.clock import Clock, Deadline
from appliance.errors import BrokenRunError, InferenceError
from appliance.inference.board import Size, lay_out, open_memory, size_of
from appliance.inference.selection import Network
from appliance.inference.squeeze import squeeze
from appliance.inference.wire import Done, Failed, Job, Ping, Ready, Run
from appliance.patience import Patience
from appliance.picture import Picture

_LOG = logging.getLogger(__name__)

Tensors = Sequence[npt.NDArray[Any]]

_ONE_THREAD: Final = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""LiteRT has its own threads; those of numpy's libraries would only compete with them."""

_LAST_WORDS: Final = 4000

_SLOWEST: Final = 5.0
"""A run that takes so many times what the slowest of late took is no slow run: the process hangs."""


@dataclass(frozen=True)
class Limits:
    """What a process of the networks may take until it is killed.

    A start may take some times what starts took of late, `start_least_s` in any case, and `start_s` at most.
    A run, or the answer to a ping, which an idle process gets every `ping_s`, may take some times what runs
    took of late, but `hang_least_s` in any case, and never more than `hang_s`.
    """

    start_least_s: float
    start_s: float
    hang_least_s: float
    hang_s: float
    ping_s: float
    memory_mb: float


def patience_with_starts(limits: Limits) -> Patience:
    """Return how long to wait for a start; to be shared by processes that start alike."""
    return Patience(limits.start_least_s, limits.start_s, _SLOWEST)


class NetworksProcess:
    """A process that runs the networks of one job; it starts at once, and is of no use once it has a fault.

    `ask` and `reject` may be called from any thread, all else only from the one that made it and watches it,
    with whose end the process ends, too. Whoever calls `kill` calls `gone` until it says so. `starts` is
    shared with other processes that start alike.
    """

    def __init__(self, job: Job, limits: Limits, clock: Clock, starts: Patience | None = None) -> None:
        self.device = job.device
        self.ready: Ready | None = None
        self._job = job
        self._limits = limits
        self._starts = starts or patience_with_starts(limits)
        self._clock = clock
        self._turn = threading.Lock()
        self._error: InferenceError | None = None
        self._serial = 0
        self._unanswered: list[int] = []
        self._pinged = 0
        self._patience = Patience(limits.hang_least_s, limits.hang_s, _SLOWEST)
        self._looked_s = self._heard_s = self._running_since_s = self.started_s = clock.monotonic_s()
        self._written: dict[Size, Picture] = {}
        memory = open_memory()
        try:
            self._board = lay_out(memory, job.files)
            ours, theirs = socketpair()
            with theirs:
                self._process = _start(theirs.fileno(), memory)
        finally:
            os.close(memory)
        self._pipe = Connection(ours.detach())
        self._words = _Words(self._process)
        self._end = _end_of(self._process.pid)
        with contextlib.suppress(OSError):  # it is dead already, which the next look tells
            self._pipe.send(job)

    def ask(self, network: Network, view: Picture, deadline: Deadline) -> Tensors:
        """Return a network's raw outputs for a view (H, W, 3), BGR uint8.

        Raises `BrokenRunError` at the deadline, or as soon as the process has died.
        """
        if not self._turn.acquire(timeout=deadline.remaining_s):
            raise BrokenRunError(f"{network}: no time was left after the other network")
        try:
            if self._error is not None:
                raise BrokenRunError(f"{network}: {self._error}")
            self._write(view, size_of(self._job.files[network]))
            serial = self._serial + 1
            try:
                self._send(Run(serial, network))
            except OSError:
                self._error = BrokenRunError(self._fate(deadline.remaining_s))
                raise BrokenRunError(f"{network}: {self._error}") from None
            while serial in self._unanswered:
                if not self._take_in(deadline.remaining_s):
                    raise BrokenRunError(f"{network}: no answer in time")
                if self._error is not None:
                    raise BrokenRunError(f"{network}: {self._error}")
            return tuple(output.copy() for output in self._board.outputs[network])
        finally:
            self._turn.release()

    @property
    def usable(self) -> bool:
        """Whether no fault of it is known yet; does not look."""
        return self._error is None

    @property
    def busy(self) -> bool:
        """Whether somebody waits for an answer, or has given up waiting for one."""
        return self._turn.locked() or bool(self._unanswered)

    @property
    def end(self) -> int | None:
        """A file descriptor that gets readable when the process ends; None where the kernel has none."""
        return self._end

    def reject(self, reason: str) -> None:
        """Count what it answered as nonsense: it has a fault from now on."""
        self._error = self._error or BrokenRunError(reason)

    def fault(self) -> InferenceError | None:
        """Look at the process; return why it is of no use, None while it starts or works."""
        if self._turn.acquire(blocking=False):
            try:
                while self._error is None and self._take_in(0):
                    pass
                self._ping()
            finally:
                self._turn.release()
        self._words.listen()
        if self._error is None and self._process.poll() is not None:
            self._error = BrokenRunError(self._fate(0))
        # Never back to None: who asks may have found a fault meanwhile.
        if self._error is None and (over := self._over_limit()) is not None:
            self._error = over
        return self._error

    def kill(self) -> None:
        """End it at once; returns without waiting."""
        self._process.kill()

    def stop(self) -> None:
        """End it: ask, so that it can let go of its device, then kill; waits a second at most for each."""
        with contextlib.suppress(OSError):
            self._pipe.send(None)
        for _ in range(2):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(END_STEP_S)
            self._process.kill()
        self.gone()

    def gone(self) -> bool:
        """Whether it has ended, and nothing of it is left; False while a driver holds it in the kernel."""
        if self._process.poll() is None:
            return False
        with self._turn:  # whoever asked sees the end of the pipe, and leaves
            self._pipe.close()
        self._words.close()
        end, self._end = self._end, None
        if end is not None:
            os.close(end)
        return True

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def _write(self, view: Picture, size: Size) -> None:
        if self._written.get(size) is not view:
            squeeze(view, *size, into=self._board.pictures[size])
            self._written[size] = view

    def _send(self, request: Run | Ping) -> None:
        """Send the next request; raises `OSError` where nobody listens any more."""
        self._serial = request.serial
        if not self._unanswered:
            self._running_since_s = self._clock.monotonic_s()
        self._pipe.send(request)
        self._unanswered.append(request.serial)

    def _ping(self) -> None:
        """Ask an idle process for a sign of life, when none came for a while."""
        idle = self.ready is not None and self._error is None and not self._unanswered
        if idle and self._clock.monotonic_s() - self._heard_s > self._limits.ping_s:
            with contextlib.suppress(OSError):  # it is dead, which its exit status tells
                self._pinged = self._serial + 1
                self._send(Ping(self._pinged))

    def _take_in(self, timeout_s: float) -> bool:
        """Wait for a message and note what it says; return False where none came."""
        try:
            if not self._pipe.poll(timeout_s):
                return False
            message = self._pipe.recv()
        except (EOFError, OSError):
            message = Failed.of(BrokenRunError(self._fate(timeout_s)))
        if isinstance(message, Done):
            self._unanswered.remove(message.serial)
            now_s = self._clock.monotonic_s()
            if message.serial != self._pinged:
                self._patience.waited(now_s - self._running_since_s)
            self._heard_s = self._running_since_s = now_s
        elif isinstance(message, Ready):
            self.ready = message
            self._heard_s = self._clock.monotonic_s()
            self._starts.waited(self._heard_s - self.started_s)
            for first_ms in message.first_ms.values():
                self._patience.waited(first_ms / 1000)
        else:
            self._error = self._error or message.error()
        return True

    def _over_limit(self) -> InferenceError | None:
        now_s, memory_mb = self._clock.monotonic_s(), self._memory_mb()
        away_s, self._looked_s = now_s - self._looked_s, now_s
        if away_s > self._limits.hang_least_s:
            # Whoever looks was held up, and so perhaps was the process: that is the machine's, not its fault.
            self._running_since_s += away_s
        if memory_mb > self._limits.memory_mb:
            return BrokenRunError(f"took {memory_mb:.0f} MB of memory, more than models.memory_mb")
        if self.ready is None and now_s - self.started_s > self._starts.limit_s:
            return BrokenRunError(f"did not start within {self._starts.limit_s:.2g} s")
        if self._unanswered and now_s - self._running_since_s > self._patience.limit_s:
            return BrokenRunError(f"hung for more than {self._patience.limit_s:.2g} s")
        return None

    def _memory_mb(self) -> float:
        """Return its resident memory; 0 where the kernel does not say."""
        try:
            pages = int(Path(f"/proc/{self._process.pid}/statm").read_text(encoding="ascii").split()[1])
        except (OSError, IndexError, ValueError):
            return 0.0
        return pages * resource.getpagesize() / 1e6

    def _fate(self, timeout_s: float) -> str:
        """Return how it ended, with its last words; waits for its end, but not long."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(min(timeout_s, END_STEP_S))
        code = self._process.returncode
        if code is None:
            return "its process does not listen any more"
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        self._words.listen()
        return f"its process died ({how})" + (f": {self._words.last}" if self._words.last else "")


class _Words:
    """What a process writes to its standard error: logged, and the last line remembered."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._pid = process.pid
        self._stream = process.stderr
        self._begun = b""
        self._lock = threading.Lock()
        self.last = ""
        if self._stream is not None:
            os.set_blocking(self._stream.fileno(), False)

    def listen(self) -> None:
        """Take in what there is; never waits."""
        with self._lock:
            if self._stream is None or self._stream.closed:
                return
            while piece := self._stream.read(_LAST_WORDS):
                *lines, self._begun = (self._begun[-_LAST_WORDS:] + piece).split(b"\n")
                for line in lines:
                    self._hear(line)

    def close(self) -> None:
        """Let go of the pipe."""
        self.listen()
        with self._lock:
            if self._stream is not None:
                self._stream.close()

    def _hear(self, line: bytes) -> None:
        words = " ".join(line.decode(errors="replace").split())[:200]
        if words:
            _LOG.info("networks (process %d): %s", self._pid, words)
        if words and not words.startswith("INFO"):
            self.last = words


def _end_of(pid: int) -> int | None:
    """Return a descriptor that tells of a process's end (pidfd_open(2)); None on kernels without."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def _start(pipe: int, memory: int) -> "subprocess.Popen[bytes]":
    """Start the process with what this one can import; Ctrl-C is for the appliance, not for it."""
    environment = {**os.environ, **_ONE_THREAD, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    # With its own stack dump on top, a library's last words would not be the last.
    environment.pop("PYTHONFAULTHANDLER", None)
    return subprocess.Popen(  # noqa: S603 - this very Python
        [sys.executable, "-P", "-m", "appliance.inference.child", str(pipe), str(memory), str(os.getpid())],
        pass_fds=(pipe, memory),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        process_group=0,
    )
