"""USB devices in a fake root of the file system, as the kernel shows them."""

from pathlib import Path

CORAL = ("18d1", "9302")
HUB = ("2109", "3431")
CAMERA = ("046d", "0825")


def plug(root: Path, name: str, identity: tuple[str, str], bus: int, number: int) -> Path:
    """Put a device in its place; return its node."""
    folder = root / "sys/bus/usb/devices" / name
    folder.mkdir(parents=True)
    for file, text in (
        ("idVendor", identity[0]),
        ("idProduct", identity[1]),
        ("busnum", str(bus)),
        ("devnum", str(number)),
    ):
        (folder / file).write_text(f"{text}\n")
    node = root / f"dev/bus/usb/{bus:03}/{number:03}"
    node.parent.mkdir(parents=True, exist_ok=True)
    node.touch()
    return node


def unplug(root: Path, name: str) -> None:
    """Take a device away."""
    folder = root / "sys/bus/usb/devices" / name
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


def link_peers(root: Path, one: tuple[str, str], other: tuple[str, str]) -> None:
    """Make two ports, each by its interface and name, those of one socket."""
    devices = root / "sys/bus/usb/devices"
    folders = [devices / interface / name for interface, name in (one, other)]
    for folder in folders:
        folder.mkdir(parents=True)
    for folder, peer in (folders, folders[::-1]):
        (folder / "peer").symlink_to(peer)
