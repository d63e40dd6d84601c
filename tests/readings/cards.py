"""Cards at their end: a store that refuses at a word, and file systems that the kernel makes read-only."""

import os
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from appliance.errors import StoreError
from appliance.readings.store import Store

_T = TypeVar("_T")


class FailingCard(Store):
    """A store whose disk refuses `writes`, and `reads`, while it is told to."""

    writes = reads = True

    def run(self, what: str, work: Callable[[sqlite3.Connection], _T], *, writing: bool = True) -> _T:
        if not (self.writes if writing else self.reads):
            raise StoreError(f"{what}: attempt to write a readonly database")
        return super().run(what, work, writing=writing)


class MountedCard:
    """A file system of its own at `folder`; tests are skipped without root, or where the kernel has none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        if os.geteuid() != 0 or not self._mount():
            pytest.skip("needs root, to mount a card")

    def _mount(self) -> bool:
        return run("mount", "-t", "tmpfs", "-o", "size=32m", "none", str(self.folder))

    def turn_read_only(self) -> None:
        assert run("mount", "-o", "remount,ro", str(self.folder))

    def turn_writable(self) -> None:
        assert run("mount", "-o", "remount,rw", str(self.folder))

    def remove(self) -> None:
        run("umount", "-l", str(self.folder))


class FailingExt4(MountedCard):
    """ext4 with errors=remount-ro, as on the card: an error makes it read-only, whoever has files open."""

    def _mount(self) -> bool:
        self._image = self.folder.with_suffix(".img")
        os.truncate(os.open(self._image, os.O_CREAT | os.O_RDWR), 64_000_000)
        made = run("mkfs.ext4", "-q", "-F", str(self._image))
        return made and run("mount", "-o", "loop,errors=remount-ro", str(self._image), str(self.folder))

    def turn_read_only(self) -> None:
        device = self.folder.stat().st_dev
        block = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve().name
        (Path("/sys/fs/ext4") / block / "trigger_fs_error").write_text("a card at its end")


def run(*words: str) -> bool:
    environment = os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    try:
        return subprocess.run(words, env=environment, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
