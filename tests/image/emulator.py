"""A box in an emulator: `-M virt`, the image's own kernel, initrd and command line, its card as the disk."""

import json
import shlex
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.brokers import free_port

_SECTOR = 512
_MEMORY_MB = 2048
_BOOT_S = 900.0
"""Long: emulated on a busy machine a boot that takes a Raspberry Pi 20 s has taken three minutes."""
_COMMAND_S = 300.0
_LOGIN = "root@127.0.0.1"


@dataclass(frozen=True)
class Card:
    """An image as a card of `size_mb` would have it."""

    file: Path

    @classmethod
    def of(cls, image: Path, folder: Path, size_mb: int) -> "Card":
        """Unpack an image, on a card that is larger than it."""
        file = folder / "card.img"
        unpack = ("zstd", "--quiet", "--decompress", "--sparse")
        subprocess.run((*unpack, image.resolve(), "-o", file), check=True)
        with file.open("r+b") as card:
            card.truncate(size_mb * 2**20)
        return cls(file)

    def put(self, partition: str, source: Path, name: str) -> None:
        """Copy a file to a FAT partition."""
        subprocess.run(("mcopy", "-o", "-i", self._at(partition), source, f"::/{name}"), check=True)

    def take(self, partition: str, name: str, target: Path) -> Path:
        """Copy a file from a FAT partition."""
        subprocess.run(("mcopy", "-n", "-i", self._at(partition), f"::/{name}", target), check=True)
        return target

    def names(self, partition: str) -> set[str]:
        """Return what lies in a FAT partition."""
        listed = subprocess.run(
            ("mdir", "-b", "-i", self._at(partition), "::/"), check=True, capture_output=True, text=True
        )
        return {line.removeprefix("::/") for line in listed.stdout.splitlines()}

    def _at(self, partition: str) -> str:
        dumped = subprocess.run(
            ("sfdisk", "--json", self.file), check=True, capture_output=True, text=True
        ).stdout
        (start,) = (
            one["start"]
            for one in json.loads(dumped)["partitiontable"]["partitions"]
            if one["name"] == partition
        )
        return f"{self.file}@@{start * _SECTOR}"


class Box:
    """One emulated machine; `power_cut` ends it as that would, and `start` starts it again."""

    def __init__(self, card: Card, folder: Path, key: Path) -> None:
        self.card = card
        self.ssh_port = free_port()
        self.console = folder / "console.log"
        self._folder = folder
        self._key = key
        self._process: subprocess.Popen[bytes] | None = None
        kernel = card.take("boot_a", "vmlinuz", folder / "vmlinuz")
        initrd = card.take("boot_a", "initrd.img", folder / "initrd.img")
        words = card.take("boot_a", "cmdline.txt", folder / "cmdline.txt").read_text(encoding="ascii").strip()
        self._command = (
            *("qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a72", "-smp", "2", "-m", str(_MEMORY_MB)),
            *("-kernel", str(kernel), "-initrd", str(initrd), "-append", f"{words} console=ttyAMA0"),
            *("-drive", f"file={card.file},format=raw,if=none,id=card"),
            *("-device", "virtio-blk-device,drive=card", "-device", "virtio-rng-device"),
            *("-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{self.ssh_port}-:22"),
            *("-device", "virtio-net-device,netdev=net"),
            # A Raspberry Pi's clock starts anew at every boot; its watchdog has 15 s at most.
            *("-rtc", "base=2020-01-01", "-device", "i6300esb"),
            *("-display", "none", "-monitor", "none", "-serial", f"file:{self.console}"),
        )

    def start(self) -> None:
        """Switch the machine on."""
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)

    def power_cut(self) -> None:
        """End it at once, in the middle of whatever it does."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(timeout=60)

    def run(self, command: str, *, stdin: bytes = b"") -> str:
        """Run a command as root on the box and return what it printed."""
        done = self._ssh(command, stdin)
        assert done.returncode == 0, f"{command}: {done.stdout!r} {done.stderr!r}"
        return done.stdout.decode()

    def answers(self, command: str) -> bool:
        """Whether a command succeeds on the box."""
        return self._ssh(command, b"").returncode == 0

    def wait_for_login(self) -> float:
        """Wait until somebody can log in; return the seconds that took."""
        began_s = time.monotonic()
        while not self.answers("true"):
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() - began_s > _BOOT_S:
                pytest.fail(f"no login after {_BOOT_S:g} s; the console said: {self.said()[-4000:]}")
            time.sleep(1)
        return time.monotonic() - began_s

    def said(self) -> str:
        """Return what the machine wrote to its console."""
        return self.console.read_text(encoding="utf-8", errors="replace")

    def _ssh(self, command: str, stdin: bytes) -> subprocess.CompletedProcess[bytes]:
        # The key that the box shows first is the key that it has to show ever after.
        options = (
            "StrictHostKeyChecking=accept-new",
            f"UserKnownHostsFile={self._folder / 'known_hosts'}",
            *("BatchMode=yes", "LogLevel=ERROR", "ConnectTimeout=20", "IdentitiesOnly=yes"),
        )
        words = [word for option in options for word in ("-o", option)]
        return subprocess.run(
            (
                "ssh",
                "-F",
                "none",
                *words,
                "-i",
                self._key,
                "-p",
                str(self.ssh_port),
                "root@127.0.0.1",
                command,
            ),
            input=stdin,
            capture_output=True,
            timeout=_COMMAND_S,
            check=False,
        )


def python_on_box(program: str) -> str:
    """Return the command that runs a program with the appliance's Python, as the appliance's user."""
    return f"runuser -u janban -- /opt/janban/bin/python3 -c {shlex.quote(program)}"
