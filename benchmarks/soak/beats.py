"""What the appliance says of itself ten times a second, from inside its process: the soak's pulse."""

import contextlib
import json
import socket
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Final

PERIOD_S: Final = 0.1
_LARGEST = 4096


@dataclass(frozen=True)
class Beat:
    """One beat: `frame_s` is when (monotonic) the last true frame was captured, 0 before the first.

    `opened` counts how often the process has opened its camera, `answering` says whether the networks can be
    asked, `pending` how many readings wait in the store, `waiting` how many in memory.
    """

    at_s: float
    pid: int
    frame_s: float
    opened: int
    answering: bool
    connected: bool
    pending: int
    waiting: int


class Pulse(threading.Thread):
    """Sends a beat in every period, from the process under test."""

    def __init__(self, address: str, beat: Callable[[], Beat]) -> None:
        super().__init__(name="pulse", daemon=True)
        self._address = "\0" + address
        self._beat = beat

    def run(self) -> None:
        """Beat until the process ends; a soak that does not listen is no reason to stop."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            while True:
                with contextlib.suppress(OSError):
                    channel.sendto(json.dumps(asdict(self._beat())).encode(), self._address)
                time.sleep(PERIOD_S)


class Record:
    """Receives beats in a thread and keeps them all, in their order."""

    def __init__(self) -> None:
        self._channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._channel.bind("")
        self._channel.settimeout(PERIOD_S)
        self.address = self._channel.getsockname().lstrip(b"\0").decode()
        self.beats: list[Beat] = []
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="beats", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._closing = True
        self._thread.join()
        self._channel.close()

    def since(self, at_s: float) -> Iterator[Beat]:
        """Yield the beats after a moment."""
        yield from self.beats[bisect_right(self.beats, at_s, key=lambda beat: beat.at_s) :]

    def _run(self) -> None:
        while not self._closing:
            with contextlib.suppress(TimeoutError):
                self.beats.append(Beat(**json.loads(self._channel.recv(_LARGEST))))
