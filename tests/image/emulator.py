"""A box in an emulator: `-M virt`, the kernel, initrd and command line of its slot, its card as the disk."""

import base64
import shlex
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.brokers import free_port
from tests.image.card import Card
from tests.image.firmware import asked_for_trial, boot_partition

_MEMORY_MB = 2048
_BOOT_S = 900.0
"""Long: emulated on a busy machine a boot that takes a Raspberry Pi 20 s has taken three minutes."""
_COMMAND_S = 300.0
_LOGIN = "root@127.0.0.1"
HOST = "10.0.2.2"
"""This machine, as the box sees it."""

PATIENCE = {"systemd.unit-dropin.janban.service~emulated": "[Service]\nTimeoutStartSec=600\n"}
"""More time to start than the unit gives the service: an emulated one may need minutes."""


class Box:
    """One emulated machine; `power_cut` ends it as that would, `start` starts it, as its firmware would.

    `credentials` are systemd's (systemd.system-credentials(7)), by name. They are on the kernel's command
    line, and so hold for every boot and slot, and leave the image as it is.
    """

    def __init__(
        self, card: Card, folder: Path, key: Path, credentials: Mapping[str, str] = PATIENCE
    ) -> None:
        self.card = card
        self.ssh_port = free_port()
        self.boot = ""
        self._starts = 0
        self._folder = folder
        self._key = key
        self._credentials = credentials
        self._stick: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def console(self) -> Path:
        """What the machine wrote to its console since it was started last."""
        return self._folder / f"console-{self._starts}.log"

    def start(self) -> str:
        """Switch the machine on; return the partition that it was started from.

        After a restart that asked for it, that is the other slot's, once.
        """
        tryboot = self._process is not None and asked_for_trial(self.said())
        self.boot = boot_partition(self.card, tryboot=tryboot)
        self._starts += 1
        self._process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL)
        return self.boot

    def power_cut(self) -> None:
        """End it at once, in the middle of whatever it does."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(timeout=60)

    def plug(self, stick: Path) -> None:
        """Plug a USB stick in, for good."""
        self._stick = stick
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.connect(str(self._monitor))
            monitor.sendall(
                f"drive_add 0 if=none,id=stick,format=raw,readonly=on,file={stick}\n"
                "device_add usb-storage,drive=stick\ninfo usb\n".encode()
            )
            said = b""
            while b"Product" not in said and (piece := monitor.recv(4096)):
                said += piece

    def run(self, command: str, *, stdin: bytes = b"") -> str:
        """Run a command as root on the box and return what it printed."""
        done = self._ssh(command, stdin)
        assert done.returncode == 0, f"{command}: {done.stdout!r} {done.stderr!r}"
        return done.stdout.decode()

    def copy(self, file: Path, place: str) -> None:
        """Copy a file to the box."""
        words = (*self._options(), "-i", self._key, "-P", str(self.ssh_port))
        copied = ("scp", "-q", "-F", "none", *words, file, f"{_LOGIN}:{place}")
        subprocess.run(copied, check=True, timeout=_COMMAND_S, stdin=subprocess.DEVNULL)

    def answers(self, command: str) -> bool:
        """Whether a command succeeds on the box; one that stands still does not."""
        try:
            return self._ssh(command, b"").returncode == 0
        except subprocess.TimeoutExpired:
            return False

    @property
    def is_on(self) -> bool:
        """Whether the machine runs; one that restarts is off until it is started."""
        return self._process is not None and self._process.poll() is None

    def wait_for_login(self) -> float:
        """Wait until somebody can log in; return the seconds that took."""
        began_s = time.monotonic()
        while not self.answers("true"):
            if not self.is_on or time.monotonic() - began_s > _BOOT_S:
                pytest.fail(f"no login after {_BOOT_S:g} s; the console said: {self.said()[-4000:]}")
            time.sleep(1)
        return time.monotonic() - began_s

    def wait_for_restart(self, within_s: float, units: str) -> None:
        """Wait until the machine restarts of its own accord; where it does not, the units say why."""
        until_s = time.monotonic() + within_s
        while self.is_on:
            if time.monotonic() > until_s:
                journal = self.run(f"journalctl --boot --no-pager -n 80 {units}")
                pytest.fail(f"no restart after {within_s:g} s; {journal}")
            # Whenever the power fails now, the firmware finds a slot.
            boot_partition(self.card, tryboot=False)
            time.sleep(0.5)

    def said(self) -> str:
        """Return what the machine wrote to its console."""
        return self.console.read_text(encoding="utf-8", errors="replace")

    @property
    def _monitor(self) -> Path:
        return self._folder / "monitor"

    def _command(self) -> tuple[str, ...]:
        kernel, initrd = (
            self.card.take(self.boot, name, self._folder / name) for name in ("vmlinuz", "initrd.img")
        )
        words = [self.card.text(self.boot, "cmdline.txt").strip(), "console=ttyAMA0"]
        for name, text in self._credentials.items():
            words.append(f"systemd.set_credential_binary={name}:{base64.b64encode(text.encode()).decode()}")
        stick = () if self._stick is None else (
            *("-drive", f"if=none,id=stick,format=raw,readonly=on,file={self._stick}"),
            *("-device", "usb-storage,drive=stick"),
        )  # fmt: skip
        return (
            *("qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a72", "-smp", "2", "-m", str(_MEMORY_MB)),
            *("-kernel", str(kernel), "-initrd", str(initrd), "-append", " ".join(words)),
            # What a process wrote outlives it, however it ends: this machine need not sync.
            *("-drive", f"file={self.card.file},format=raw,if=none,id=card,cache=unsafe"),
            *("-device", "virtio-blk-device,drive=card", "-device", "virtio-rng-device"),
            *("-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{self.ssh_port}-:22"),
            *("-device", "virtio-net-device,netdev=net", "-device", "qemu-xhci", *stick),
            # A Raspberry Pi's clock starts anew at every boot; its watchdog has 15 s at most.
            *("-rtc", "base=2020-01-01", "-device", "i6300esb"),
            # A restart ends it, as then it is the firmware's turn.
            *("-no-reboot", "-display", "none", "-serial", f"file:{self.console}"),
            *("-monitor", f"unix:{self._monitor},server,nowait"),
        )

    def _options(self) -> list[str]:
        # The key that the box shows first is the key that it has to show ever after.
        options = (
            "StrictHostKeyChecking=accept-new",
            f"UserKnownHostsFile={self._folder / 'known_hosts'}",
            *("BatchMode=yes", "LogLevel=ERROR", "ConnectTimeout=20", "IdentitiesOnly=yes"),
        )
        return [word for option in options for word in ("-o", option)]

    def _ssh(self, command: str, stdin: bytes) -> subprocess.CompletedProcess[bytes]:
        words = (*self._options(), "-i", self._key, "-p", str(self.ssh_port))
        return subprocess.run(
            ("ssh", "-F", "none", *words, _LOGIN, command),
            input=stdin,
            capture_output=True,
            timeout=_COMMAND_S,
            check=False,
        )


def python_on_box(program: str) -> str:
    """Return the command that runs a program with the appliance's Python, as the appliance's user."""
    return f"runuser -u janban -- /opt/janban/bin/python3 -c {shlex.quote(program)}"
