"""Programs that do the work; what they complain of becomes one line."""

import subprocess

from image.update.fault import BundleError

_PACKAGE_OF = {"rauc": "rauc", "mksquashfs": "squashfs-tools", "sfdisk": "fdisk", "openssl": "openssl"}
"""Program → its package in Debian."""


def run(program: str, *words: str) -> str:
    """Return what a program wrote; raises `BundleError`."""
    try:
        ran = subprocess.run(  # noqa: S603 - our own words, no shell
            (program, *words),
            capture_output=True,
            check=False,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        package = _PACKAGE_OF[program]
        raise BundleError(f"{program} is not installed; on Debian: apt install {package}") from None
    if ran.returncode != 0:
        said = [line for line in (ran.stderr or ran.stdout).splitlines() if line.strip()]
        raise BundleError(f"{program} {words[0]} fails: {said[-1] if said else 'without a word'}")
    return ran.stdout
