"""A root of the file system with what the kernel and the system show there."""

from pathlib import Path


def put(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def plug_in(root: Path, identity: tuple[str, str], *, speed: str = "5000", node: bool = True) -> None:
    """Put a USB device into a fake root, as the kernel shows one."""
    for name, text in (
        ("idVendor", identity[0]),
        ("idProduct", identity[1]),
        ("busnum", "2"),
        ("devnum", "7"),
        ("speed", speed),
    ):
        put(root, f"sys/bus/usb/devices/2-1/{name}", f"{text}\n")
    if node:
        put(root, "dev/bus/usb/002/007", "")


def plug_in_pcie(root: Path, *, node: bool = True) -> None:
    """Put an Edge TPU on PCIe into a fake root, as Google's driver shows one."""
    put(root, "sys/class/apex/apex_0/temp", "48000\n")
    if node:
        put(root, "dev/apex_0", "")
