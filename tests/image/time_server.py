"""A time server (SNTP, RFC 4330) for boxes in an emulator, whose network has none."""

import socketserver
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

NTP_PORT = 123
_EPOCH_S = 2_208_988_800
"""From 1900, at which NTP begins, to 1970."""
_PACKET = struct.Struct("!BBbbII4sQQQQ")
"""Leap, version and mode; stratum, poll, precision; root's delay and dispersion; its name; four moments."""


def answer(asked: bytes, now_s: float) -> bytes:
    """Return what a server says whose clock is right."""
    now = round((now_s + _EPOCH_S) * 2**32)
    sent_by_client = _PACKET.unpack(asked[: _PACKET.size])[-1]
    version_4_server = 4 << 3 | 4
    return _PACKET.pack(version_4_server, 1, 4, -20, 0, 0, b"TEST", now, sent_by_client, now, now)


class _Answer(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        asked, server = self.request
        if len(asked) >= _PACKET.size:
            server.sendto(answer(asked, time.time()), self.client_address)


@contextmanager
def time_server(port: int = NTP_PORT) -> Iterator[int]:
    """Tell the time on a port of loopback; raises `OSError` where it cannot be had."""
    with socketserver.UDPServer(("127.0.0.1", port), _Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()
