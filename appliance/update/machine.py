"""What an update has the machine do: RAUC's work, and a restart."""

import hashlib
import json
import logging
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.budget import SLOWEST_CARD_MB_PER_S, WATCHDOG_S
from appliance.errors import UpdateError

_log = logging.getLogger(__name__)

_SLOT_MB: Final = 1000.0
"""What is written at most, both parts of a slot."""
_INSTALL_S: Final = 4 * _SLOT_MB / SLOWEST_CARD_MB_PER_S
"""It is read, written, and read again, beside the service."""


@dataclass(frozen=True)
class Bundle:
    """An update whose signature is right: what it is, and what tells it from every other."""

    file: Path
    version: str
    digest: str


class Machine:
    """The box that this runs on."""

    def inspect(self, file: Path) -> Bundle:
        """Return what a bundle says, once its signature is right; raises `UpdateError`."""
        told = _run("rauc", "info", "--output-format=json", str(file), seconds=_INSTALL_S)
        try:
            said = json.loads(told)
            images = [image for named in said["images"] for image in named.values()]
            parts = [str(said["version"]), *sorted(str(image["checksum"]) for image in images)]
            return Bundle(file, parts[0], hashlib.sha256("\n".join(parts).encode()).hexdigest())
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UpdateError(f"{file}: RAUC says nothing of it that could be understood") from None

    def install(self, bundle: Bundle) -> None:
        """Write a bundle to the spare slot; raises `UpdateError`."""
        _run("rauc", "install", str(bundle.file), seconds=_INSTALL_S)

    def reboot(self, argument: str | None) -> None:
        """Restart, with what the firmware shall know; raises `UpdateError`."""
        words = [] if argument is None else [f"--reboot-argument={argument}"]
        _run("systemctl", "reboot", *words, seconds=WATCHDOG_S)


def _run(*command: str, seconds: float) -> str:
    """Return what a program wrote; raises `UpdateError` with its last line where it failed."""
    try:
        ran = subprocess.run(  # noqa: S603 - our own words, no shell
            command, capture_output=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        raise UpdateError(f"{command[0]} is not installed on this box") from None
    except subprocess.TimeoutExpired:
        raise UpdateError(f"{' '.join(command[:2])} took more than {seconds:.0f} s") from None
    complaints = ran.stderr.decode(errors="replace").strip()
    if complaints:
        _log.info("%s: %s", command[0], complaints)
    if ran.returncode != 0:
        words = (complaints or ran.stdout.decode(errors="replace").strip()).splitlines()
        raise UpdateError(f"{' '.join(command[:2])} failed: {words[-1] if words else 'without a word'}")
    return ran.stdout.decode(errors="replace")
