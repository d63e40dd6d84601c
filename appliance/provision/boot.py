"""The boot partition: what a person with a laptop puts there, takes from it, and reads on it."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import ProvisionError
from appliance.provision.disk import Disk

_ERROR = "provision-error.txt"
_HELP = "Correct it on this partition and start the box again; docs/provisioning.md explains the files."


@dataclass(frozen=True)
class BootPartition:
    """The folder of the provision file `file`."""

    file: Path
    disk: Disk

    def request(self, label: str) -> Path:
        """Return where the certificate request of a box goes."""
        return self.file.parent / f"{label}.csr"

    def certificate(self, label: str) -> Path:
        """Return where a box looks for the certificate that answers its request."""
        return self.file.parent / f"{label}.crt"

    def refuse_misnamed(self) -> None:
        """Raise `ProvisionError` for a provision file whose name an editor lengthened, and hid."""
        misnamed = self.file.with_name(f"{self.file.name}.txt")
        if misnamed.exists():
            raise ProvisionError(f"{misnamed.name}: rename it to {self.file.name}")

    def report(self, why: str) -> None:
        """Tell whoever puts the card into a laptop what is wrong; the journal has it in any case."""
        text = f"{why}\n\n{_HELP}\n"
        with contextlib.suppress(OSError):
            self.disk.write_public(self.file.with_name(_ERROR), text.replace("\n", "\r\n").encode())

    def withdraw_report(self) -> None:
        """Remove what was told: it is right now."""
        file = self.file.with_name(_ERROR)
        if file.exists():
            self.disk.remove(file)

    def wipe(self) -> None:
        """Overwrite and remove the provision file, under another name first: half of it is no order."""
        self.disk.rename(self.file, self._used)
        self.finish_wiping()

    def finish_wiping(self) -> None:
        """Go on with a wipe that a power cut interrupted, if there is one."""
        if self._used.exists():
            self.disk.overwrite(self._used)
            self.disk.remove(self._used)

    @property
    def _used(self) -> Path:
        return self.file.with_name(f"{self.file.name}.used")
