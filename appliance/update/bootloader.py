"""The bootloader as the box sees it: which slot runs, and the file that says which one will."""

import errno
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.errors import UpdateError
from appliance.files import read_whole, write_whole
from appliance.update.autoboot import MOST_BYTES, PARTITIONS, Autoboot, Slot, parse

_log = logging.getLogger(__name__)

_FILE: Final = "boot/bootcfg/autoboot.txt"
_CMDLINE: Final = "proc/cmdline"
_PARTITION: Final = "proc/device-tree/chosen/bootloader/partition"
"""The boot partition that the firmware took: four bytes, the highest first."""


@dataclass(frozen=True)
class Bootloader:
    """What lies below `root`."""

    root: Path = Path("/")

    @property
    def file(self) -> Path:
        """Where the firmware looks which slot to start."""
        return self.root / _FILE

    def current(self) -> Slot:
        """Return the slot that runs; raises `UpdateError` where that is not certain."""
        said = re.search(r"(?:^|\s)rauc\.slot=([AB])(?:\s|$)", self._text(_CMDLINE))
        from_kernel: Slot | None = None if said is None else "A" if said[1] == "A" else "B"
        number = self._partition()
        from_firmware = next((slot for slot in PARTITIONS if PARTITIONS[slot] == number), None)
        if number is not None and from_kernel is not None and from_firmware != from_kernel:
            raise UpdateError(
                f"the kernel runs slot {from_kernel}, but the firmware started partition {number}: the"
                " cmdline.txt there is wrong; install the update again"
            )
        slot = from_kernel or from_firmware
        if slot is None:
            raise UpdateError(f"{self.root / _CMDLINE}: names no rauc.slot=; it is not known which slot runs")
        return slot

    def load(self) -> Autoboot:
        """Return what the file says.

        A damaged or missing one is as good as a fresh one for the slot that runs: that one can be started.
        """
        try:
            return parse(read_whole(self.file, MOST_BYTES).decode(errors="replace"))
        except FileNotFoundError:
            if not self.file.parent.is_dir():
                raise UpdateError(f"{self.file.parent}: is not mounted; this box has no slots") from None
            why = "does not exist"
        except OSError as error:
            if error.errno != errno.EFBIG:
                raise UpdateError(f"{self.file}: cannot be read: {error.strerror}; check the card") from None
            why = "is longer than the firmware reads"
        except ValueError as error:
            why = f"is damaged, it {error}"
        _log.warning("%s: %s; slot %s, which runs, becomes the default", self.file, why, self.current())
        return Autoboot(self.current())

    def save(self, state: Autoboot) -> None:
        """Replace the file as a whole, and not at all where it says the same; raises `UpdateError`."""
        text = state.text().encode()
        try:
            if self.file.exists() and self.file.read_bytes() == text:
                return
            write_whole(self.file, text)
        except OSError as error:
            raise UpdateError(f"{self.file}: cannot be written: {error.strerror}; check the card") from None

    def _partition(self) -> int | None:
        try:
            return int.from_bytes((self.root / _PARTITION).read_bytes(), "big")
        except OSError:
            return None

    def _text(self, file: str) -> str:
        try:
            return (self.root / file).read_text(errors="replace")
        except OSError:
            return ""
