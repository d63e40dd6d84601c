"""What the kernel tells of its disks, in /sys and /proc."""

import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.errors import printable
from appliance.files import kernel_text
from image.flash.fault import FlashError

_SECTOR_BYTES: Final = 512
"""Of `/sys/class/block/*/size`, whatever the device."""
_CD_ROM: Final = "5"
"""`device/type` of SCSI."""
_OCTAL: Final = re.compile(r"\\([0-7]{3})")


def device_number(node: Path) -> str | None:
    """Return major and minor of a block device's node, as `8:16`; None for anything else."""
    try:
        status = node.stat()
    except OSError:
        return None
    if not stat.S_ISBLK(status.st_mode):
        return None
    return f"{status.st_rdev >> 8 & 0xFFF}:{status.st_rdev & 0xFF | status.st_rdev >> 12 & 0xFFF00}"


@dataclass(frozen=True)
class Machine:
    """The kernel's files below `root`; `number` tells the number of a device's node."""

    root: Path = Path("/")
    number: Callable[[Path], str | None] = device_number

    def folder(self, name: str) -> Path:
        """Return where the kernel tells of a block device."""
        return self.root / "sys/class/block" / name

    def text(self, name: str, file: str) -> str:
        """Return what one of its files says; empty where there is none."""
        return kernel_text(self.folder(name) / file) or ""

    def names(self, name: str, file: str) -> list[str]:
        """Return what one of its folders lists, in order."""
        folder = self.folder(name) / file
        return sorted(found.name for found in folder.iterdir()) if folder.is_dir() else []

    def mounts(self) -> Iterator[tuple[str, str, str]]:
        """Yield device number, source and mount point of whatever is mounted: proc_pid_mountinfo(5)."""
        for line in (kernel_text(self.root / "proc/self/mountinfo") or "").splitlines():
            before, _, after = line.partition(" - ")
            yield before.split()[2], _unescaped(after.split()[1]), _unescaped(before.split()[4])

    def swaps(self) -> list[str]:
        """Return what the machine swaps to."""
        return [line.split()[0] for line in (kernel_text(self.root / "proc/swaps") or "").splitlines()[1:]]


@dataclass(frozen=True)
class Disk:
    """A device as the kernel tells of it; `uses` says what it is needed for at present, in words."""

    node: Path
    name: str
    whole_disk: str
    model: str
    serial: str
    size_bytes: int
    removable: bool
    physical: bool
    read_only: bool
    uses: tuple[str, ...]
    runs_system: bool

    def __str__(self) -> str:
        size = f"{self.size_bytes / 1e9:.1f} GB"
        return f"{self.node}: {self.model or 'unknown model'}, serial {self.serial or 'unknown'}, {size}"


def look_up(named: Path, machine: Machine) -> Disk:
    """Return what the kernel says of a device; raises `FlashError` where it is none."""
    if not named.exists():
        raise FlashError(f"{named}: is not there; `lsblk` lists the disks")
    node = named.resolve()
    number, name = machine.number(node), node.name
    if number is None:
        raise FlashError(f"{named}: is no disk; `lsblk` lists them")
    if machine.text(name, "dev") != number:
        raise FlashError(f"{named}: the kernel knows no disk of this name; name it as `lsblk` does")
    device = machine.folder(name).resolve()
    stacked = set(_stacked(name, machine))
    points = [
        point for mounted, source, point in machine.mounts() if _is_of(mounted, source, stacked, machine)
    ]
    uses = [f"mounted at {printable(point)}" for point in points]
    uses += [f"swapped to as {swap}" for swap in machine.swaps() if Path(swap).name in stacked]
    for part in [name, *_partitions(name, machine)]:
        uses += [f"{part} is part of {holder}" for holder in machine.names(part, "holders")]
    return Disk(
        node=node,
        name=name,
        whole_disk=device.parent.name if (device / "partition").exists() else name,
        model=_words(machine, name, "device/vendor", "device/model", "device/name"),
        serial=_serial(device),
        size_bytes=_SECTOR_BYTES * int(machine.text(name, "size") or 0),
        removable=machine.text(name, "removable") == "1" or _on_usb(device) or _is_card(machine, name),
        physical="virtual" not in device.parts and machine.text(name, "device/type") != _CD_ROM,
        read_only=machine.text(name, "ro") == "1",
        uses=tuple(uses),
        runs_system="/" in points,
    )


def refusals(disk: Disk, image_bytes: int) -> Iterator[str]:
    """Yield why a disk must not be written with an image of so many bytes, and what to do; worst first."""
    if disk.whole_disk != disk.name:
        yield f"is a part of {disk.whole_disk}; give the whole disk, /dev/{disk.whole_disk}"
    if not disk.physical:
        yield "is no disk of its own, but made by the kernel, or a drive for discs; give the card's reader"
    if disk.runs_system:
        yield "holds the running system; give another disk"
    if not disk.removable:
        yield "is built in, neither removable nor on USB; give the card's reader"
    if disk.size_bytes == 0:
        yield "has no card in it"
    if disk.uses:
        yield f"is in use: {', '.join(disk.uses)}; unmount or detach that first"
    if disk.read_only:
        yield "is write-protected; push the card's slider, or take another adapter"
    if disk.size_bytes < image_bytes:
        yield f"is too small: {disk.size_bytes / 1e9:.2f} GB for an image of {image_bytes / 1e9:.2f} GB"


def _partitions(name: str, machine: Machine) -> list[str]:
    folder = machine.folder(name)
    return sorted(found.parent.name for found in folder.glob("*/partition"))


def _stacked(name: str, machine: Machine) -> Iterator[str]:
    """Yield a device, its partitions, and whatever is built on them: LVM, RAID, encryption."""
    for part in [name, *_partitions(name, machine)]:
        yield part
        for holder in machine.names(part, "holders"):
            yield from _stacked(holder, machine)


def _is_of(number: str, source: str, stacked: set[str], machine: Machine) -> bool:
    """Whether a mount is of one of the devices; btrfs has numbers of its own, so its source counts too."""
    return Path(source).name in stacked or any(machine.text(name, "dev") == number for name in stacked)


def _on_usb(device: Path) -> bool:
    return any(re.fullmatch(r"usb\d+", part) for part in device.parts)


def _is_card(machine: Machine, name: str) -> bool:
    """Whether it is a card in a reader of the board's own; what is soldered there is of the type MMC."""
    return machine.text(name, "device/type") == "SD"


def _serial(device: Path) -> str:
    """Return the serial of a disk: its own, or that of the USB device which it is part of, but no hub's."""
    for folder in (device / "device", *device.parents):
        text = kernel_text(folder / "serial")
        if text or (folder / "idVendor").exists():
            return printable(text or "")
    return ""


def _words(machine: Machine, name: str, *files: str) -> str:
    return printable(" ".join(filter(None, (machine.text(name, file) for file in files))))


def _unescaped(word: str) -> str:
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), word)
