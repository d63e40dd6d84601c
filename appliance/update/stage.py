"""A bundle of one's own: what lies on a stick, or in the service's folder, may change under our hands."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from appliance.errors import UpdateError
from appliance.files import open_plain

_PIECE_BYTES: Final = 1 << 20
_MOST_BYTES: Final = 1_000_000_000
_KEPT_FREE_BYTES: Final = 100_000_000
"""For the readings that come meanwhile."""


def digest_of(bundle: Path) -> str:
    """Return what tells a bundle from every other: its SHA-256; raises `UpdateError`."""
    digest = hashlib.sha256()
    for piece in _pieces(bundle):
        digest.update(piece)
    return digest.hexdigest()


@contextmanager
def staged(bundle: Path, copy: Path, digest: str) -> Iterator[None]:
    """Have a copy of a bundle that only root can change, and remove it afterwards.

    Raises `UpdateError` where there is no room for it, or the bundle is not that of `digest` any more.
    """
    try:
        copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        copy.unlink(missing_ok=True)
        needed = bundle.stat().st_size + _KEPT_FREE_BYTES
        if (free := shutil.disk_usage(copy.parent).free) < needed:
            raise UpdateError(
                f"{copy.parent}: has {free / 1e6:.0f} MB free, and {needed / 1e6:.0f} MB are needed"
            )
        with os.fdopen(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            found = hashlib.sha256()
            for piece in _pieces(bundle):
                found.update(piece)
                out.write(piece)
        if found.hexdigest() != digest:
            raise UpdateError(f"{bundle}: changed while it was read")
        yield
    except OSError as error:
        raise UpdateError(f"{copy}: cannot be written: {error.strerror}; check the disk") from None
    finally:
        copy.unlink(missing_ok=True)


def _pieces(bundle: Path) -> Iterator[bytes]:
    try:
        with open_plain(bundle) as file:
            left = _MOST_BYTES
            while piece := file.read(_PIECE_BYTES):
                left -= len(piece)
                if left < 0:
                    raise UpdateError(f"{bundle}: is larger than any bundle of ours")
                yield piece
    except OSError as error:
        raise UpdateError(f"{bundle}: cannot be read: {error.strerror}") from None
