"""The workshop's files: as a whole or not at all, and one clear line where a folder cannot be written."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance import files
from convert.errors import ConvertError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file as `appliance.files.write_whole` does; raises `ConvertError`, one line."""
    try:
        files.write_whole(path, content)
    except OSError as error:
        raise ConvertError(f"{path}: cannot be written ({error.strerror}); check the folder") from None


@contextmanager
def report_folder(out: Path, *, last: str, stale: str) -> Iterator[Path]:
    """Give a folder whose files move to `out` at the end, or nowhere if anything fails before.

    The file named `last` comes last, so that where it is, all is there; an earlier report's files that match
    the pattern `stale` go. Raises `ConvertError` where `out` cannot be written.
    """
    created = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=".report-", dir=out))
    except OSError as error:
        raise ConvertError(f"{out}: cannot be written ({error.strerror}); choose another folder") from None
    try:
        yield fresh
        _move(fresh, out, last, stale)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        if created and not any(out.iterdir()):
            out.rmdir()


def _move(fresh: Path, out: Path, last: str, stale: str) -> None:
    names = {file.name for file in fresh.iterdir()}
    try:
        (out / last).unlink(missing_ok=True)
        for file in out.glob(stale):
            file.unlink()
        for name in sorted(names, key=lambda name: name == last):
            (fresh / name).replace(out / name)
        files.sync_folder(out)
    except OSError as error:
        raise ConvertError(f"{out}: cannot be written ({error.strerror}); choose another folder") from None
