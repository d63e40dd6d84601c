"""What a signed bundle is: a system, or networks or a menu alone; and when it was made."""

import json
import re
from dataclasses import dataclass
from typing import Final, Literal

from appliance.errors import UpdateError

BundleKind = Literal["system", "models", "menu"]

ALONE: Final[dict[str, BundleKind]] = {"janban-models": "models", "janban-menu": "menu"}
"""What a bundle says it is for (`compatible`) → kind; RAUC itself refuses these where a system is wanted."""

_BUILT: Final = re.compile(r"[0-9]{14}")


@dataclass(frozen=True)
class Bundle:
    """A bundle whose signature was found good; `built` as `image_version.stamp` writes it, if it says so."""

    kind: BundleKind
    version: str
    built: str | None

    def check_age(self, than: str | None, what: str) -> None:
        """Raise `UpdateError` where it was made before `what`, which was made at `than` (None: unknown).

        Faults that were mended must not come back with an old bundle on a stick, signed like all.
        """
        if than is None:
            return
        if self.built is None:
            raise UpdateError(f"{self.version}: does not say when it was made; --older installs it anyway")
        if self.built < than:
            raise UpdateError(
                f"{self.version}: was made at {_words(self.built)}, before {what}, {_words(than)}; --older"
                " installs it anyway"
            )


def read_info(text: str) -> Bundle:
    """Read what `rauc info --output-format=json` says of a bundle; raises `UpdateError`."""
    try:
        said = json.loads(text)
        fits, version, built = str(said["compatible"]), str(said["version"]), str(said["build"])
    except (ValueError, KeyError, TypeError):
        raise UpdateError("RAUC tells nothing of the bundle that could be understood") from None
    return Bundle(ALONE.get(fits, "system"), version, built if _BUILT.fullmatch(built) else None)


def _words(stamp: str) -> str:
    return f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]} {stamp[8:10]}:{stamp[10:12]}:{stamp[12:]} UTC"
