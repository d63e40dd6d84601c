"""Who flashes says which disk is meant: a person by typing its name, a script by its serial."""

from collections.abc import Callable

from image.flash.fault import FlashError
from image.flash.machine import Disk


def ask(disk: Disk, image: str, answer: Callable[[str], str], *, at_terminal: bool) -> None:
    """Return once a person has typed the disk's name; raises `FlashError`."""
    if not at_terminal:
        raise FlashError(
            f"{disk}: nobody is here to be asked; scripts give YES=1 SERIAL=, the serial of the disk"
        )
    print(f"{disk}\nAll that is on it will be lost to {image}.")
    try:
        typed = answer(f"Type {disk.name} to go on: ").strip()
    except EOFError:
        typed = ""
    if typed not in (disk.name, str(disk.node)):
        raise FlashError(f"{disk.node}: not agreed to; nothing was written")


def compare_serial(disk: Disk, serial: str) -> None:
    """Return if a script meant this disk; raises `FlashError`."""
    if not serial:
        raise FlashError("YES=1 goes with SERIAL=, the serial of the disk, so that no other one is written")
    if not disk.serial:
        raise FlashError(f"{disk}: tells no serial, so that a person has to look at it; leave out YES=1")
    if serial != disk.serial:
        raise FlashError(f"{disk}: is not the disk with the serial {serial}; nothing was written")
