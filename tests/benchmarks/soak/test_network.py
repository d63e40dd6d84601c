import socket
from collections.abc import Iterator

import pytest

from benchmarks.soak.network import Relay

ENOUGH_S = 30.0


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(ENOUGH_S)
        yield listener


@pytest.fixture
def relay(server: socket.socket) -> Iterator[Relay]:
    relay = Relay(server.getsockname()[1])
    yield relay
    relay.close()


def pair(relay: Relay, server: socket.socket) -> tuple[socket.socket, socket.socket]:
    caller = socket.create_connection(("127.0.0.1", relay.port), timeout=ENOUGH_S)
    answerer, _ = server.accept()
    answerer.settimeout(ENOUGH_S)
    return caller, answerer


def test_bytes_pass_both_ways(relay: Relay, server: socket.socket) -> None:
    caller, answerer = pair(relay, server)
    with caller, answerer:
        caller.sendall(b"to")
        assert answerer.recv(10) == b"to"
        answerer.sendall(b"fro")
        assert caller.recv(10) == b"fro"


def _silent(caller: socket.socket, answerer: socket.socket) -> bool:
    caller.sendall(b"lost")
    try:
        answerer.recv(10)
    except TimeoutError:
        return True
    return False


def test_while_cut_nothing_passes_and_nobody_is_told(relay: Relay, server: socket.socket) -> None:
    caller, answerer = pair(relay, server)
    with caller, answerer:
        relay.state = "cut"
        answerer.settimeout(0.5)
        # What was under way when the cable was pulled may still arrive.
        assert any(_silent(caller, answerer) for _ in range(20))
        relay.state = "up"
        answerer.settimeout(ENOUGH_S)
        assert answerer.recv(10).startswith(b"lost")


def test_a_reset_ends_connections_and_lets_new_ones_in(relay: Relay, server: socket.socket) -> None:
    caller, answerer = pair(relay, server)
    with caller, answerer:
        relay.state = "reset"
        assert caller.recv(10) == b""
        assert answerer.recv(10) == b""
    again, other = pair(relay, server)
    again.close()
    other.close()


def test_without_a_server_callers_are_turned_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    relay = Relay(port)
    with socket.create_connection(("127.0.0.1", relay.port), timeout=ENOUGH_S) as caller:
        assert caller.recv(10) == b""
    relay.close()
