"""Bundles in a folder: a stick's, or the one that operators copy to."""

from pathlib import Path
from typing import Final

SUFFIX: Final = ".raucb"


def bundles_in(folder: Path) -> list[Path]:
    """Return the bundles in a folder, by name; raises `OSError`.

    A Mac puts a hidden file of the same ending beside each one that it copies to a stick.
    """
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix == SUFFIX and not file.name.startswith(".") and file.is_file()
    )
