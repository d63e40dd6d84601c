"""Whether a folder of models is whole: what its manifest names is there, and is what it says."""

from pathlib import Path

from appliance.inference.selection import Selection, select
from appliance.inference.verify import verify_file


def whole(folder: Path) -> Selection:
    """Return the two networks of a folder whose every file was read and compared; raises `ModelError`."""
    selection = select(folder)
    for entry in selection.entries.values():
        for file in entry.files:
            verify_file(folder, file)
    return selection
