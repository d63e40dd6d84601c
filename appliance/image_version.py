"""Which image this box runs: what its build wrote into the root file system."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from appliance.files import kernel_text

_RELEASE: Final = "etc/os-release"
_VERSION: Final = re.compile(r'^IMAGE_VERSION="?([^"\n]+)"?$', re.MULTILINE)
_BUILT: Final = "usr/lib/clock-epoch"
"""Its modification time is the commit's: systemd starts the clock there."""
_STAMP: Final = "%Y%m%d%H%M%S"


def image_version(root: Path = Path("/")) -> str:
    """Return the version, "" on a machine that runs no image of ours."""
    found = _VERSION.search(kernel_text(root / _RELEASE) or "")
    return "" if found is None else found[1]


def image_built(root: Path = Path("/")) -> str | None:
    """Return when the image was built, as a bundle says it (`stamp`); None on other machines."""
    try:
        return stamp(datetime.fromtimestamp((root / _BUILT).stat().st_mtime, UTC))
    except OSError:
        return None


def stamp(moment: datetime) -> str:
    """Return a moment (aware) as 14 digits of UTC, which sort as the moments do."""
    return moment.astimezone(UTC).strftime(_STAMP)
