"""The program that resets a USB device, or switches its port off and on; a process of its own.

    python -m appliance.usb.reset reset NODE
    python -m appliance.usb.reset power NODE PORT [NODE PORT]...

`NODE` is a device's, or a hub's, file below /dev/bus/usb. A call into the kernel may hang for as long as the
device does: nobody but this process may make it. Exit status 0, or another one with a line that says why.
"""

import ctypes
import errno
import fcntl
import os
import signal
import struct
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

Ioctl = Callable[[int, int, Any], int]

USBDEVFS_RESET: Final = 0x5514
_CONTROL: Final = "@BBHHHIP"
USBDEVFS_CONTROL: Final = 0xC0000000 | struct.calcsize(_CONTROL) << 16 | 0x5500
"""Requests of linux/usbdevice_fs.h; the second one's size is that of `struct usbdevfs_ctrltransfer`."""

GET_DESCRIPTOR: Final = (0xA0, 6)
SET_FEATURE: Final = (0x23, 3)
CLEAR_FEATURE: Final = (0x23, 1)
PORT_POWER: Final = 8
"""Requests to a hub and their type, and the feature: USB 2.0, tables 11-15 to 11-17."""

_HUB, _SUPER_SPEED_HUB = 0x29, 0x2A
_DESCRIPTOR_BYTES: Final = 12
_SWITCHING_AT: Final = 3
_SWITCHING_MASK, _EACH_PORT = 0b11, 0b01
"""Where a hub's descriptor says how it switches power: USB 2.0, table 11-13."""

_ANSWER_MS: Final = 1000
OFF_S: Final = 1.0
"""For a port's voltage to fall, whatever capacitors hold it up."""


class RefusedError(Exception):
    """It cannot be done here, for a reason that another attempt does not change."""


def reset(node: Path, ioctl: Ioctl = fcntl.ioctl) -> None:
    """Reset a device, as if it had been plugged in again, but for its power. Raises `OSError`."""
    with _opened(node) as device:
        try:
            ioctl(device, USBDEVFS_RESET, 0)
        except OSError as error:
            # So it is when the device is another one afterwards, as a Coral that has lost its firmware.
            if error.errno != errno.ENODEV:
                raise


def cycle(
    ports: Sequence[tuple[Path, int]],
    ioctl: Ioctl = fcntl.ioctl,
    sleep_s: Callable[[float], None] = time.sleep,
) -> None:
    """Switch ports, each of the hub with this node, off together and on again after `OFF_S`.

    Raises `RefusedError`, and switches nothing, where a hub cannot switch each port for itself: others'
    devices would lose their power, too. Raises `OSError` where a hub does not answer.
    """
    for hub, _ in ports:
        with _opened(hub) as device:
            if not _switches_each_port(device, ioctl):
                raise RefusedError(f"{hub}: this hub cannot switch its ports one by one")
    try:
        _switch(ports, CLEAR_FEATURE, ioctl)
        sleep_s(OFF_S)
    finally:
        _switch(ports, SET_FEATURE, ioctl)


def _switch(ports: Sequence[tuple[Path, int]], request: tuple[int, int], ioctl: Ioctl) -> None:
    """Switch all that can be switched; raises the last `OSError` afterwards."""
    failure: OSError | None = None
    for hub, port in ports:
        try:
            with _opened(hub) as device:
                _control(device, (*request, PORT_POWER, port), ioctl)
        except OSError as error:
            failure = error
    if failure is not None:
        raise failure


def _switches_each_port(hub: int, ioctl: Ioctl) -> bool:
    try:
        descriptor = _control(hub, (*GET_DESCRIPTOR, _HUB << 8, 0), ioctl, _DESCRIPTOR_BYTES)
    except OSError as error:
        if error.errno != errno.EPIPE:  # what a hub does not know, it answers with a stall
            raise
        descriptor = _control(hub, (*GET_DESCRIPTOR, _SUPER_SPEED_HUB << 8, 0), ioctl, _DESCRIPTOR_BYTES)
    return descriptor[_SWITCHING_AT] & _SWITCHING_MASK == _EACH_PORT


def _control(device: int, request: tuple[int, int, int, int], ioctl: Ioctl, length: int = 0) -> bytes:
    """Make a control transfer, given its type, request, value and index; return what came back."""
    data = ctypes.create_string_buffer(max(length, 1))
    packed = struct.pack(_CONTROL, *request, length, _ANSWER_MS, ctypes.addressof(data))
    ioctl(device, USBDEVFS_CONTROL, packed)
    return data.raw


@contextmanager
def _opened(node: Path) -> Iterator[int]:
    device = os.open(node, os.O_RDWR | os.O_CLOEXEC)
    try:
        yield device
    finally:
        os.close(device)


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments say."""
    # A port that is off must not stay so because the service is stopped meanwhile.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    try:
        match arguments:
            case ["reset", node]:
                reset(Path(node))
            case ["power", *ports] if ports and len(ports) % 2 == 0:
                hubs = zip(map(Path, ports[::2]), map(int, ports[1::2]), strict=True)
                cycle(list(hubs))
            case _:
                print("usage: reset NODE | power NODE PORT [NODE PORT]...", file=sys.stderr)
                return 2
    except (OSError, RefusedError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
