"""What a power cut may leave of a folder, worked out from a trace of what a process did to it.

The model is stricter than ext4: a file's content is sure once the file was synced, its name once the folder
was, and of everything since any part may have reached the disk, in any order, in whole sectors of 512 bytes.
"""

import os
import random
import struct
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

MARKS = "marks"
"""A file of this name belongs to the test: what is written to it is no write but a remark in the trace."""

FOLDER = ""
"""Name of the folder itself."""

_HEADER = struct.Struct("<5q")
_OPEN, _WRITE, _TRUNCATE, _SYNC, _UNLINK, _RENAME = range(1, 7)
_BY_NAME = {_OPEN, _UNLINK, _RENAME}
_SECTOR_BYTES = 512

Image = dict[str, bytes]
"""Names in the folder and their files' contents."""


@dataclass(frozen=True)
class Event:
    """One call that succeeded on the file `name`; `data` is what was written, or the new name."""

    kind: int
    fd: int
    number: int
    name: str
    data: bytes

    @property
    def mutates(self) -> bool:
        return self.kind != _OPEN or bool(self.number & os.O_CREAT)

    @property
    def syncs(self) -> bool:
        return self.kind == _SYNC


def read_trace(log: Path, folder: Path) -> list[Event]:
    """Read what the shim wrote."""
    content, at, events = log.read_bytes(), 0, []
    opened: dict[int, str] = {}
    while at < len(content):
        kind, fd, number, name_bytes, data_bytes = _HEADER.unpack_from(content, at)
        at += _HEADER.size
        name = content[at : at + name_bytes].decode()
        data = content[at + name_bytes : at + name_bytes + data_bytes]
        at += name_bytes + data_bytes
        if kind == _RENAME:
            data = data.removeprefix(f"{folder}/".encode())
        name = FOLDER if name == str(folder) else name.removeprefix(f"{folder}/")
        if kind == _OPEN:
            opened[fd] = name
        events.append(Event(kind, fd, number, name if kind in _BY_NAME else opened[fd], data))
    return events


@dataclass(frozen=True)
class _Change:
    """A write of `data` at `at`, or a cut to `at` bytes."""

    at: int
    data: bytes | None

    def on(self, content: bytearray, draw: random.Random | None = None) -> None:
        """Apply all of it, or with `draw` some of its sectors."""
        if self.data is None:
            content[self.at :] = b""
            content.extend(bytes(self.at - len(content)))
            return
        start = self.at
        while start < self.at + len(self.data):
            end = min((start // _SECTOR_BYTES + 1) * _SECTOR_BYTES, self.at + len(self.data))
            if draw is None or draw.random() < 0.5:
                content.extend(bytes(max(0, end - len(content))))
                content[start:end] = self.data[start - self.at : end - self.at]
            start = end


@dataclass
class _File:
    """What is surely on the disk, and what was done since."""

    synced: bytes = b""
    since: list[_Change] = field(default_factory=list)

    def content(self) -> bytes:
        return self._with(self.since)

    def sync(self) -> None:
        self.synced, self.since = self.content(), []

    def torn(self, draw: random.Random) -> bytes:
        """Return it with some of the changes since, the last of them in part."""
        kept = [change for change in self.since if draw.random() < 0.5]
        content = bytearray(self._with(kept[:-1]))
        for change in kept[-1:]:
            change.on(content, draw)
        return bytes(content)

    def _with(self, changes: list[_Change]) -> bytes:
        content = bytearray(self.synced)
        for change in changes:
            change.on(content)
        return bytes(content)


@dataclass(frozen=True)
class _Naming:
    """A name given to a file (by creation or renaming from `old`), or taken away from it (None)."""

    name: str
    file: int | None
    old: str | None = None

    def on(self, names: dict[str, int]) -> None:
        names.pop(self.old or "", None)
        if self.file is None:
            names.pop(self.name, None)
        else:
            names[self.name] = self.file


class Disk:
    """The folder as a power cut would leave it after the events so far."""

    def __init__(self) -> None:
        self._files: list[_File] = []
        self._names: dict[str, int] = {}
        self._sure_names: dict[str, int] = {}
        self._namings: list[_Naming] = []
        self._open: dict[int, int | None] = {}
        self.marks: list[str] = []

    def do(self, event: Event) -> None:
        """Take one event."""
        if event.kind == _OPEN:
            self._do_open(event)
        elif event.kind == _UNLINK:
            self._name(_Naming(event.name, None))
        elif event.kind == _RENAME:
            self._name(_Naming(event.data.decode(), self._names[event.name], event.name))
        else:
            number = self._open[event.fd]
            if event.name == MARKS:
                self.marks += event.data.decode().splitlines()
            elif number is None:
                # A folder can only be synced.
                self._sure_names, self._namings = dict(self._names), []
            elif event.kind == _SYNC:
                self._files[number].sync()
            else:
                data = event.data if event.kind == _WRITE else None
                self._files[number].since.append(_Change(event.number, data))

    def least(self) -> Image:
        """Return what surely is there: what was synced."""
        return {name: self._files[number].synced for name, number in self._sure_names.items()}

    def all(self) -> Image:
        """Return everything that was done."""
        return {name: self._files[number].content() for name, number in self._names.items()}

    def torn(self, draw: random.Random) -> Image:
        """Return a part, drawn at random, of what was not synced, over what was."""
        names = dict(self._sure_names)
        for naming in self._namings:
            if draw.random() < 0.5:
                naming.on(names)
        return {name: self._files[number].torn(draw) for name, number in names.items()}

    def _name(self, naming: _Naming) -> None:
        naming.on(self._names)
        self._namings.append(naming)

    def _do_open(self, event: Event) -> None:
        if event.name in (FOLDER, MARKS):
            self._open[event.fd] = None
            return
        if event.name not in self._names:
            self._files.append(_File())
            self._name(_Naming(event.name, len(self._files) - 1))
        number = self._names[event.name]
        self._open[event.fd] = number
        if event.number & os.O_TRUNC:
            self._files[number].since.append(_Change(0, None))


@dataclass(frozen=True)
class Cut:
    """A state that a power cut may leave, and what had been remarked by then."""

    at_event: int
    how: str
    image: Image = field(repr=False)
    marks: tuple[str, ...] = field(repr=False)


def cuts(events: list[Event], seed: int, *, torn_each: int, every_write: bool) -> Iterator[Cut]:
    """Yield states before each sync (and before each change if wanted) and after the last event.

    Each time the least, the most, and `torn_each` drawn in between; none is repeated.
    """
    draw = random.Random(seed)  # noqa: S311 - nothing here is a secret
    disk, seen = Disk(), set[tuple[int, tuple[str, ...]]]()
    for number, event in enumerate([*events, None]):
        if event is None or event.syncs or (every_write and event.mutates):
            images = [("least", disk.least()), ("all", disk.all())]
            images += [(f"torn {torn}", disk.torn(draw)) for torn in range(torn_each)]
            for how, image in images:
                key = hash(tuple(sorted(image.items()))), tuple(disk.marks)
                if key not in seen:
                    seen.add(key)
                    yield Cut(number, how, deepcopy(image), tuple(disk.marks))
        if event is not None:
            disk.do(event)


def lay_out(image: Image, folder: Path, draw: random.Random) -> None:
    """Write a state's files; in SQLite's shared memory is whatever the kernel happened to write."""
    folder.mkdir(parents=True)
    for name, content in image.items():
        (folder / name).write_bytes(draw.randbytes(32_768) if name.endswith("-shm") else content)
