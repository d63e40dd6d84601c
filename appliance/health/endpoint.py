"""The endpoint for who scrapes: GET /metrics and GET /healthz on this machine's own address, nowhere else."""

import io
import logging
import socket
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Final

from appliance.health.exposition import CONTENT_TYPE

_LOG = logging.getLogger(__name__)

ADDRESS: Final = "127.0.0.1"

_MOST_CLIENTS: Final = 4
"""At a time; a fifth one is turned away."""

_PATIENCE_S: Final = 5.0
"""From a client's connection to the end of its request, and again to the end of the answer."""

_STOP_S: Final = 0.5
"""What a stop takes at most: so often the server looks whether it should end."""

_PLAIN: Final = "text/plain; charset=utf-8"


class Endpoint:
    """Serves what `metrics` returns (Prometheus' text format) and whether `unable` gives a reason.

    Both are called from threads of its own. `port` 0 takes a free one; `fault` says why there is no endpoint.
    """

    def __init__(
        self,
        port: int,
        metrics: Callable[[], str],
        unable: Callable[[], str | None],
        *,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self._wanted = port
        self._metrics = metrics
        self._unable = unable
        self._patience_s = patience_s
        self._server: _Server | None = None
        self.fault: str | None = None

    @property
    def port(self) -> int:
        """The port that it listens on; 0 while it does not."""
        return 0 if self._server is None else int(self._server.server_address[1])

    def start(self) -> None:
        """Listen from now on; a port that cannot be had costs the endpoint, and is said in `fault`."""
        try:
            self._server = _Server(self._wanted, self._answer, self._patience_s)
        except OSError as error:
            self.fault = (
                f"no metrics: port {self._wanted} of {ADDRESS} cannot be had ({error.strerror});"
                " set service.metrics_port to another one, or to 0"
            )
            _LOG.warning("%s", self.fault)
            return
        threading.Thread(
            target=self._server.serve_forever, args=(_STOP_S,), name="metrics", daemon=True
        ).start()

    def stop(self) -> None:
        """Stop listening; safe to call without `start`."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()

    def _answer(self, path: str) -> tuple[HTTPStatus, str, str]:
        """Return status, content type and body for a path."""
        if path == "/metrics":
            return HTTPStatus.OK, CONTENT_TYPE, self._metrics()
        if path == "/healthz":
            reason = self._unable()
            status = HTTPStatus.OK if reason is None else HTTPStatus.SERVICE_UNAVAILABLE
            return status, _PLAIN, f"{reason or 'ok'}\n"
        return HTTPStatus.NOT_FOUND, _PLAIN, "there are /metrics and /healthz\n"


Answer = Callable[[str], tuple[HTTPStatus, str, str]]


class _Server(HTTPServer):
    """One thread per client, but few at a time, and none for long."""

    def __init__(self, port: int, answer: Answer, patience_s: float) -> None:
        self.answer = answer
        self.patience_s = patience_s
        self._free = threading.BoundedSemaphore(_MOST_CLIENTS)
        super().__init__((ADDRESS, port), _Handler)

    def server_bind(self) -> None:
        """Bind; HTTPServer's own would ask the name service for a name, which may take long."""
        super(HTTPServer, self).server_bind()
        self.server_name, self.server_port = ADDRESS, int(self.server_address[1])

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client: object) -> None:
        """Hand a client to a thread, or close its connection where too many are served already."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        threading.Thread(
            target=self._serve, args=(request, client), name="metrics-client", daemon=True
        ).start()

    def _serve(self, request: socket.socket, client: object) -> None:
        try:
            self.finish_request(request, client)
        except Exception as error:  # noqa: BLE001 - whatever a client does, the next one is served
            _LOG.debug("a client of the metrics was not served: %r", error)
        finally:
            self.shutdown_request(request)
            self._free.release()


class _Handler(BaseHTTPRequestHandler):
    """One request; HTTP/1.0, so that the connection ends with the answer."""

    server: _Server

    def setup(self) -> None:
        """Give the client a deadline for all of its request: one byte now and then does not extend it."""
        super().setup()
        self.rfile = io.BufferedReader(_Patient(self.connection, self.server.patience_s))

    def do_GET(self) -> None:
        """Answer."""
        try:
            status, kind, text = self.server.answer(self.path.partition("?")[0])
        except Exception:  # noqa: BLE001 - a figure that cannot be had must not look like no box at all
            _LOG.exception("the metrics cannot be collected")
            status, kind, text = HTTPStatus.INTERNAL_SERVER_ERROR, _PLAIN, "see the journal\n"
        body = text.encode()
        self.connection.settimeout(self.server.patience_s)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        """Tell nothing of the software."""
        return "janban"

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the library's name
        """Keep requests out of the journal."""


class _Patient(io.RawIOBase):
    """A socket to read from, until a deadline for all reads together; raises `TimeoutError` then."""

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        super().__init__()
        self._connection = connection
        self._until_s = time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        remaining_s = self._until_s - time.monotonic()
        if remaining_s <= 0:
            raise TimeoutError
        self._connection.settimeout(remaining_s)
        return self._connection.recv_into(buffer)  # type: ignore[arg-type]
