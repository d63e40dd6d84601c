"""A broker inside this process, for the demonstration: amqtt, MQTT 3.1.1, on loopback only."""

import asyncio
import contextlib
import errno
import logging
import threading
from types import TracebackType
from typing import Self

from appliance.errors import PublishError

_log = logging.getLogger(__name__)

_HOST = "127.0.0.1"
_START_S = 10.0
_STOP_S = 5.0
_CONFIG = {
    "listeners": {"default": {"type": "tcp"}},
    "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
}


class DemoBroker:
    """Runs in a thread with an event loop of its own, lets everybody in, and keeps nothing on disk.

    It leaves a CONNECT of MQTT 5 that has a will unanswered: connect with `protocol = "3.1.1"` to be let in
    without a wait.
    """

    def __init__(self, port: int) -> None:
        """Take the port on 127.0.0.1."""
        self.host = _HOST
        self.port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._decided = threading.Event()
        self._fault: str | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Return once clients can connect; raises `PublishError` if they never will."""
        try:
            import amqtt.broker  # noqa: F401, PLC0415 - part of the demonstration, not of the device
        except ImportError as error:
            raise PublishError("the demo broker is not installed; pip install 'janban[demo]'") from error
        # amqtt logs each client that it turns away as an error, to people who only watch a demonstration.
        for name in ("amqtt", "transitions"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        self._thread = threading.Thread(target=self._run, name="demo-broker", daemon=True)
        self._thread.start()
        if not self._decided.wait(_START_S):
            self._fault = f"the demo broker did not start within {_START_S:.0f} s"
        if self._fault is not None:
            raise PublishError(self._fault)

    def stop(self) -> None:
        """Disconnect everybody and end; safe to call twice."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        if self._loop is not None and self._stopping is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._stopping.set)
        thread.join(_STOP_S)
        if thread.is_alive():
            _log.warning("the demo broker did not stop within %.0f s", _STOP_S)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001 - told to whoever waits in `start`
            self._fault = self._fault or f"the demo broker failed: {error}"
            _log.debug("the demo broker ended", exc_info=True)
        finally:
            self._decided.set()

    async def _serve(self) -> None:
        from amqtt.broker import Broker, BrokerConfig  # noqa: PLC0415
        from amqtt.errors import BrokerError  # noqa: PLC0415

        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        # amqtt stumbles over clients that leave while it turns them away; that is nobody's concern.
        self._loop.set_exception_handler(lambda _, context: _log.debug("%s", context.get("message")))
        config = BrokerConfig.from_dict(_CONFIG)
        config.listeners["default"].bind = f"{self.host}:{self.port}"
        broker = Broker(config)
        try:
            await broker.start()
        except BrokerError as error:
            self._fault = self._why(error)
            return
        self._decided.set()
        await self._stopping.wait()
        await asyncio.wait_for(broker.shutdown(), _STOP_S / 2)

    def _why(self, error: Exception) -> str:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE:
            return f"port {self.port} is in use; stop what listens there, or choose another one with --port"
        return f"the demo broker cannot listen on {self.host}:{self.port}: {cause or error}"
