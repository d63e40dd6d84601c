"""What belongs to an artifact: the files of its folder that are packed and installed, and no others."""

from collections.abc import Mapping
from pathlib import Path

from appliance.artifacts.shelf import Kind
from appliance.estimate.learned_fusion import FILE_NAME as FUSION
from appliance.inference.manifest import FILE_NAME as MANIFEST
from appliance.inference.parity import FILE_NAME as PARITY
from appliance.inference.selection import select
from appliance.menu.menu import FILE_NAME as MENU
from appliance.menu.menu import load_menu


def contents(kind: Kind, folder: Path) -> Mapping[str, Path]:
    """Return the files of an artifact in a folder, by name.

    Raises `ModelError` or `MenuError` where what says which they are cannot be read.
    """
    match kind:
        case "models":
            entries = select(folder).entries.values()
            names = [MANIFEST, PARITY, *(file.file for entry in entries for file in entry.files)]
            # Without it, or with one for other networks, estimates are joined by the study's rule.
            names += [FUSION] if (folder / FUSION).exists() else []
        case "menu":
            names = [MENU, *load_menu(folder).pictures]
    return {name: folder / name for name in names}
