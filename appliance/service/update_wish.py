"""An operator's wish that the box be updated: a file, which the system's own unit looks for.

The service may not install anything. What it wishes for is done by root, for bundles that are signed.
"""

from pathlib import Path
from typing import Final

from appliance.artifacts.bundles import bundles_in
from appliance.errors import CommandError
from appliance.files import write_whole

WISH: Final = "update-wanted"
BUNDLES: Final = "updates"


def wish_for_update(state_dir: Path) -> str:
    """Leave the wish in the state folder, and return which bundle it is for; raises `CommandError`."""
    wish = state_dir / WISH
    if wish.exists():
        raise CommandError("an update was asked for before, and nobody began it: this box installs none")
    try:
        bundles = [file.name for file in bundles_in(state_dir / BUNDLES)]
    except OSError:
        bundles = []
    if len(bundles) != 1:
        raise CommandError(
            f"the folder {BUNDLES} on the box has to have one bundle; there is {', '.join(bundles) or 'none'}"
        )
    try:
        write_whole(wish, b"")
    except OSError as error:
        raise CommandError(f"the wish cannot be written: {error.strerror}") from None
    return bundles[0]
