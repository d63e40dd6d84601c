"""Brokers that misbehave as told, on a free loopback port."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Self

ACCEPTED = {5: b"\x20\x03\x00\x00\x00", 4: b"\x20\x02\x00\x00"}
_CONNECT, _PUBLISH, _SUBSCRIBE, _PINGREQ = 1, 3, 8, 12


@dataclass
class ScriptedBroker:
    """Answers CONNECT of a level (5, or 4 for 3.1.1) with bytes; hangs up on b"", says nothing on None."""

    answers: dict[int, bytes | None] = field(default_factory=lambda: dict(ACCEPTED))
    puback: Callable[[int], bytes | None] = lambda packet: b"\x40\x02" + struct.pack(">H", packet)
    suback: bytes | None = None
    pingresp: bytes | None = b"\xd0\x00"
    levels: list[int] = field(default_factory=list)
    connects: list[bytes] = field(default_factory=list)
    published: list[bytes] = field(default_factory=list)
    pinged: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        self._guests: list[socket.socket] = []
        threading.Thread(target=self._welcome, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for one in (self._door, *self._guests):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _welcome(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                guest, _ = self._door.accept()
                self._guests.append(guest)
                threading.Thread(target=self._talk, args=(guest,), daemon=True).start()

    def _talk(self, guest: socket.socket) -> None:
        level = 0
        with contextlib.suppress(OSError), guest:
            for first, body in _packets(guest):
                answer: bytes | None = None
                if first >> 4 == _CONNECT:
                    level = body[6]
                    self.levels.append(level)
                    self.connects.append(body)
                    answer = self.answers[level]
                    if answer == b"":
                        return
                elif first >> 4 == _PUBLISH:
                    (topic_length,) = struct.unpack_from(">H", body)
                    self.published.append(body[2 : 2 + topic_length])
                    if first & 0b110:
                        answer = self.puback(struct.unpack_from(">H", body, 2 + topic_length)[0])
                elif first >> 4 == _SUBSCRIBE:
                    answer = self.suback
                elif first >> 4 == _PINGREQ:
                    self.pinged.set()
                    answer = self.pingresp
                if answer is not None:
                    guest.sendall(answer)


def _packets(guest: socket.socket) -> Iterator[tuple[int, bytes]]:
    with guest.makefile("rb") as stream:
        while head := stream.read(1):
            length = shift = 0
            while True:
                (byte,) = stream.read(1)
                length |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            yield head[0], stream.read(length)


class CuttingProxy:
    """Passes bytes on to a broker, and cuts each connection after as many bytes from the client as told."""

    def __init__(self, broker_port: int, lives: list[int]) -> None:
        self._broker_port = broker_port
        self._lives = lives
        self._ends: list[socket.socket] = []
        self.cuts = 0

    def __enter__(self) -> Self:
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        threading.Thread(target=self._welcome, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for one in (self._door, *self._ends):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _welcome(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._door.accept()
                broker = socket.create_connection(("127.0.0.1", self._broker_port))
                self._ends += [client, broker]
                life = self._lives.pop(0) if self._lives else None
                threading.Thread(target=self._pass_on, args=(client, broker, life), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(broker, client, None), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, life: int | None) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(4096 if life is None else min(4096, life)):
                sink.sendall(data)
                if life is not None:
                    life -= len(data)
                    if life == 0:
                        self.cuts += 1
                        break
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
