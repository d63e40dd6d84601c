"""Machines of files: disks, and what their kernel tells of them."""

from dataclasses import dataclass, field
from pathlib import Path

from image.flash.machine import Machine

MB = 1_000_000


@dataclass
class FakeMachine:
    """Below `root` lie /sys, /proc and /dev; a disk is a file in /dev."""

    root: Path
    numbers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for folder in ("sys/class/block", "proc/self", "dev"):
            (self.root / folder).mkdir(parents=True)
        (self.root / "proc/self/mountinfo").write_text("")
        self.write("proc/swaps", "Filename\tType\tSize\tUsed\tPriority")

    def kernel(self) -> Machine:
        return Machine(self.root, lambda node: self.numbers.get(node.name))

    def node(self, name: str) -> Path:
        return self.root / "dev" / name

    def folder(self, name: str) -> Path:
        return (self.root / "sys/class/block" / name).resolve()

    def write(self, file: str, *lines: str) -> None:
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as appended:
            appended.writelines(f"{line}\n" for line in lines)

    def add(self, name: str, where: str, number: str, size_bytes: int, **texts: str) -> Path:
        """Add a block device below /sys/devices/`where`; `texts` are its files, `/` as `__`."""
        folder = self.root / "sys/devices" / where / name
        (folder / "device").mkdir(parents=True)
        (self.root / "sys/class/block" / name).symlink_to(folder)
        texts = {"dev": number, "size": str(size_bytes // 512), "removable": "0", "ro": "0"} | texts
        for file, text in texts.items():
            path = folder / file.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n")
        self.numbers[name] = number
        node = self.node(name)
        with node.open("wb") as disk:
            disk.write(b"\xa5" * min(size_bytes, 3 * MB))
            disk.truncate(size_bytes)
        return node

    def card(self, name: str = "sdb", size_bytes: int = 16 * MB, **texts: str) -> Path:
        """Add a USB reader with a card, and a serial as USB devices have it."""
        usb = "pci0000:00/0000:00:14.0/usb1/1-2"
        node = self.add(
            name,
            f"{usb}/1-2:1.0/host6/target6:0:0/6:0:0:0/block",
            "8:16",
            size_bytes,
            **{"removable": "1", "device__vendor": "Generic", "device__model": "Reader", "device__type": "0"}
            | texts,
        )
        for file, text in (("1-2/serial", "4C530001"), ("1-2/idVendor", "0bda"), ("serial", "0000:00:14.0")):
            (self.root / "sys/devices" / usb / ".." / file).write_text(f"{text}\n")
        return node

    def part(self, disk: str, name: str, number: str) -> Path:
        where = self.folder(disk).relative_to(self.root / "sys/devices")
        return self.add(name, str(where), number, MB, partition="1")

    def mount(self, number: str, source: str, point: str) -> None:
        self.write("proc/self/mountinfo", f"36 25 {number} / {point} rw,noatime shared:1 - ext4 {source} rw")
