"""The endpoint by real requests on a real port."""

import http.client
import logging
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.health.endpoint import ADDRESS, Endpoint

SOON_S = 20.0

Start = Callable[..., Endpoint]


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[Endpoint] = []

    def start(
        metrics: Callable[[], str] = lambda: "janban_able 1\n",
        unable: Callable[[], str | None] = lambda: None,
        **options: float,
    ) -> Endpoint:
        running.append(Endpoint(0, metrics, unable, **options))
        running[-1].start()
        return running[-1]

    yield start
    for endpoint in running:
        endpoint.stop()


def asked(endpoint: Endpoint, path: str, method: str = "GET") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(ADDRESS, endpoint.port, timeout=SOON_S)
    connection.request(method, path)
    return connection.getresponse()


def connected(endpoint: Endpoint) -> socket.socket:
    return socket.create_connection((ADDRESS, endpoint.port), timeout=SOON_S)


def test_metrics_are_prometheus_text(start: Start) -> None:
    answer = asked(start(), "/metrics")
    assert answer.status == 200
    assert answer.getheader("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.read() == b"janban_able 1\n"


def test_health_is_a_status(start: Start) -> None:
    reasons = [None, "the camera is gone"]
    endpoint = start(unable=lambda: reasons.pop(0))
    answer = asked(endpoint, "/healthz")
    assert (answer.status, answer.read()) == (200, b"ok\n")
    answer = asked(endpoint, "/healthz?verbose")
    assert (answer.status, answer.read()) == (503, b"the camera is gone\n")


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/", "GET", 404),
        ("/metrics/..", "GET", 404),
        ("/etc/passwd", "GET", 404),
        ("/metrics", "POST", 501),
        ("/metrics", "DELETE", 501),
    ],
)
def test_nothing_else_is_there(start: Start, path: str, method: str, status: int) -> None:
    assert asked(start(), path, method).status == status


def test_it_listens_on_loopback_alone(start: Start) -> None:
    port = start().port
    listening = [
        line.split()[1]
        for table in ("tcp", "tcp6")
        if (file := Path(f"/proc/net/{table}")).exists()
        for line in file.read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    ]
    # Little-endian hexadecimal: 127.0.0.1.
    assert [where for where in listening if where.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]


def test_figures_that_cannot_be_had_are_an_error_of_ours(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> str:
        raise ZeroDivisionError

    endpoint = start(metrics=fail)
    assert asked(endpoint, "/metrics").status == 500
    assert "cannot be collected" in caplog.text
    assert asked(endpoint, "/healthz").status == 200


def test_a_client_that_sends_a_byte_now_and_then_is_not_waited_for(start: Start) -> None:
    endpoint = start(patience_s=0.3)
    with connected(endpoint) as client:
        client.settimeout(0.05)
        for byte in b"GET /metrics HTTP/1.0\r\n" + b"X-Slow: yes\r\n" * 1000:
            try:
                client.send(bytes([byte]))
                if client.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        else:
            pytest.fail("the client was listened to for ever")
    assert asked(endpoint, "/healthz").status == 200


def test_a_crowd_is_turned_away_and_does_not_stay(start: Start) -> None:
    endpoint = start(patience_s=SOON_S)
    crowd = [connected(endpoint) for _ in range(4)]
    with connected(endpoint) as fifth:
        assert fifth.recv(100) == b""
    for client in crowd:
        client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.0 200")
        client.close()


@pytest.mark.parametrize("sent", [b"\0" * 100, b"GET\r\n\r\n", b"GET " + b"/" * 100_000, b""])
def test_nonsense_costs_the_sender_only(start: Start, sent: bytes) -> None:
    endpoint = start()
    with connected(endpoint) as client:
        try:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            while client.recv(4096):
                pass
        except OSError:
            pass
    assert asked(endpoint, "/healthz").status == 200


def test_a_port_that_is_taken_costs_the_endpoint_and_one_line(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    first = start()
    second = Endpoint(first.port, lambda: "", lambda: None)
    with caplog.at_level(logging.WARNING):
        second.start()
    assert second.fault is not None
    assert re.search(rf"port {first.port} .*metrics_port", second.fault)
    assert [entry.getMessage() for entry in caplog.records] == [second.fault]
    assert second.port == 0
    second.stop()
    assert asked(first, "/metrics").status == 200


def test_after_a_stop_the_port_is_free(start: Start) -> None:
    first = start()
    port = first.port
    first.stop()
    again = Endpoint(port, lambda: "", lambda: None)
    again.start()
    assert again.fault is None
    again.stop()
