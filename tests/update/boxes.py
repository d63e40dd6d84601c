"""Boxes with two slots, and the firmware that starts one of them."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from appliance.errors import UpdateError
from appliance.update.alone import Alone
from appliance.update.autoboot import PARTITIONS, Slot
from appliance.update.bootloader import Bootloader
from appliance.update.bundle import Bundle
from appliance.update.install import Installer
from appliance.update.machine import Machine

FRESH = "[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n"
"""The file of a card that was just flashed."""


def firmware(text: str, *, tryboot: bool) -> int:
    """Return the partition that the firmware starts: sections are conditions, what holds and is last wins.

    After raspberrypi.com/documentation/computers/config_txt.html#autoboot-txt; the firmware reads 512 bytes.
    """
    assert len(text.encode()) <= 512
    holds, partition, switches = True, 0, False
    for line in text.splitlines():
        if line.startswith("["):
            holds = line == "[all]" or (line == "[tryboot]" and tryboot)
        elif holds and line.startswith("boot_partition="):
            partition = int(line.removeprefix("boot_partition="))
        elif holds and line == "tryboot_a_b=1":
            switches = True
    assert switches
    return partition


def installer(machine: Machine, bootloader: Bootloader, state: Path, built: str | None = None) -> Installer:
    """Return what installs systems, and nothing else."""

    def no_alone() -> Alone:
        raise UpdateError("only systems come here")

    return Installer(bootloader, machine, state, no_alone, built=built)


class PowerCutError(Exception):
    """Ends a run as a power cut would."""


@dataclass
class FakeMachine(Machine):
    """Takes down what it is asked for; `fails` is what RAUC says instead of installing."""

    bootloader: Bootloader
    rebooted: list[str | None] = field(default_factory=list)
    installed: list[str] = field(default_factory=list)
    fails: str = ""
    unpacks: Path | None = None
    restarts: int = 0
    on_restart: Callable[[], None] | None = None

    def info(self, bundle: Path) -> Bundle:
        """Tell what a bundle's text says: `system`, or `models 20261129-2 20261129120000`."""
        content = bundle.read_text()
        if content == "forged":
            raise UpdateError("rauc info failed: signature verification failed")
        kind, *rest = content.split()
        if kind not in ("models", "menu"):
            return Bundle("system", content, rest[0] if rest else None)
        return Bundle(kind, *rest)  # type: ignore[arg-type]

    def extract(self, bundle: Path, folder: Path) -> None:  # noqa: ARG002
        """Unpack what `unpacks` is."""
        assert self.unpacks is not None
        shutil.copytree(self.unpacks, folder)

    def restart_service(self) -> None:
        self.restarts += 1
        if self.on_restart is not None:
            self.on_restart()

    def install(self, bundle: Path) -> None:
        """Do what RAUC does: mark the slot that does not run bad, write it, make it primary."""
        content = bundle.read_text()
        spare: Slot = "B" if self.bootloader.current() == "A" else "A"
        state = self.bootloader.load()
        self.bootloader.save(state.marked(spare, good=False, current=self.bootloader.current()))
        if self.fails:
            raise UpdateError(self.fails)
        self.installed.append(content)
        self.bootloader.save(self.bootloader.load().wanting(spare))

    def reboot(self, argument: str | None) -> None:
        self.rebooted.append(argument)


@dataclass(frozen=True)
class Box:
    """A box below `root`."""

    root: Path

    @property
    def bootloader(self) -> Bootloader:
        return Bootloader(self.root)

    @property
    def text(self) -> str:
        return self.bootloader.file.read_text()

    def start(self, *, tryboot: bool = False) -> Slot:
        """Start as the firmware would, and return the slot that then runs."""
        number = firmware(self.text, tryboot=tryboot)
        (slot,) = (slot for slot, partition in PARTITIONS.items() if partition == number)
        (self.root / "proc/cmdline").write_text(f"console=tty1 rauc.slot={slot} root=PARTUUID=x ro\n")
        (self.root / "proc/device-tree/chosen/bootloader/partition").write_bytes(number.to_bytes(4, "big"))
        return slot


def new_box(root: Path) -> Box:
    """Return a box that was just flashed, and started."""
    (root / "boot/bootcfg").mkdir(parents=True)
    (root / "proc/device-tree/chosen/bootloader").mkdir(parents=True)
    (root / "boot/bootcfg/autoboot.txt").write_text(FRESH)
    box = Box(root)
    box.start()
    return box
