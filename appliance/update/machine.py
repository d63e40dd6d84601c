"""What an update has the machine do: RAUC's work, and a restart."""

import logging
import subprocess
from pathlib import Path
from typing import Final

from appliance.budget import SLOWEST_CARD_MB_PER_S, WATCHDOG_S
from appliance.errors import UpdateError
from appliance.update.bundle import Bundle, read_info

_log = logging.getLogger(__name__)

_SLOT_MB: Final = 1000.0
"""What is written at most, both parts of a slot."""
_INSTALL_S: Final = 4 * _SLOT_MB / SLOWEST_CARD_MB_PER_S
"""It is read, written, and read again, beside the service."""
_SERVICE: Final = "janban"
_RESTART_S: Final = 4 * WATCHDOG_S
"""Its units' time to stop and to start, and as much again where the store is large."""
_WHY: Final = "LastError: "
"""How RAUC begins the line that says why it failed; others follow."""


class Machine:
    """The box that this runs on."""

    def info(self, bundle: Path) -> Bundle:
        """Have RAUC check a bundle's signature, and tell what it is; raises `UpdateError`."""
        return read_info(_run("rauc", "info", "--output-format=json", str(bundle), seconds=_INSTALL_S))

    def extract(self, bundle: Path, folder: Path) -> None:
        """Have RAUC check a bundle, and write its files to a folder that is not there yet; as `info`."""
        _run("rauc", "extract", str(bundle), str(folder), seconds=_INSTALL_S)

    def install(self, bundle: Path) -> None:
        """Have RAUC check a bundle and write it to the spare slot; raises `UpdateError`."""
        _run("rauc", "install", str(bundle), seconds=_INSTALL_S)

    def reboot(self, argument: str | None) -> None:
        """Restart, with what the firmware shall know; raises `UpdateError`."""
        words = [] if argument is None else [f"--reboot-argument={argument}"]
        _run("systemctl", "reboot", *words, seconds=WATCHDOG_S)

    def restart_service(self) -> None:
        """Have the service start anew; returns when it runs. Raises `UpdateError`."""
        _run("systemctl", "restart", _SERVICE, seconds=_RESTART_S)


def _run(*command: str, seconds: float) -> str:
    """Run a program, and return what it wrote; raises `UpdateError` with the line that says why it failed."""
    try:
        ran = subprocess.run(  # noqa: S603 - our own words, no shell
            command, capture_output=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        raise UpdateError(f"{command[0]} is not installed on this box") from None
    except subprocess.TimeoutExpired:
        raise UpdateError(f"{' '.join(command[:2])} took more than {seconds:.0f} s") from None
    if ran.returncode != 0:
        said = (ran.stdout + b"\n" + ran.stderr).decode(errors="replace").strip()
        _log.info("%s: %s", command[0], said)
        lines = said.splitlines() or ["without a word"]
        why = next((line.removeprefix(_WHY) for line in lines if line.startswith(_WHY)), lines[-1])
        raise UpdateError(f"{' '.join(command[:2])} failed: {why}")
    return ran.stdout.decode(errors="replace")
