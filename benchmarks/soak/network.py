"""The network between the appliance and its broker: a relay that can be cut."""

import contextlib
import selectors
import socket
import threading
from typing import Final, Literal

_CHUNK: Final = 65_536
_TICK_S: Final = 0.05

State = Literal["up", "cut", "reset"]


class Relay:
    """Passes bytes on from a loopback port to another, in a thread, as long as `state` is "up".

    While it is "cut" nothing passes and nothing is said, as with a cable pulled somewhere on the way. "reset"
    ends every connection and is "up" again.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)  # noqa: FBT003
        self.port = int(self._listener.getsockname()[1])
        self.state: State = "up"
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End every connection."""
        self._closing = True
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        while not self._closing:
            if self.state == "reset":
                self._drop_all()
                self.state = "up"
            if self.state == "cut":
                threading.Event().wait(_TICK_S)
                continue
            self._pass_on()
        self._drop_all()

    def _pass_on(self) -> None:
        with selectors.DefaultSelector() as selector:
            for one in (self._listener, *self._pairs):
                selector.register(one, selectors.EVENT_READ)
            for key, _ in selector.select(_TICK_S):
                ready = key.fileobj
                assert isinstance(ready, socket.socket)
                if ready is self._listener:
                    self._accept()
                elif ready in self._pairs:
                    self._forward(ready)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            caller, _ = self._listener.accept()
            try:
                broker = socket.create_connection(("127.0.0.1", self._target), timeout=1.0)
            except OSError:
                caller.close()
                return
            self._pairs |= {caller: broker, broker: caller}

    def _forward(self, one: socket.socket) -> None:
        other = self._pairs[one]
        try:
            data = one.recv(_CHUNK)
            if not data:
                raise ConnectionError
            other.sendall(data)
        except OSError:
            for end in (one, other):
                self._pairs.pop(end, None)
                end.close()

    def _drop_all(self) -> None:
        for end in self._pairs:
            end.close()
        self._pairs.clear()
