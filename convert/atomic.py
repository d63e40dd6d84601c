"""The workshop's files: as a whole or not at all, and one clear line where a folder cannot be written."""

from pathlib import Path

from appliance import files
from convert.errors import ConvertError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file as `appliance.files.write_whole` does; raises `ConvertError`, one line."""
    try:
        files.write_whole(path, content)
    except OSError as error:
        raise ConvertError(f"{path}: cannot be written ({error.strerror}); check the folder") from None
