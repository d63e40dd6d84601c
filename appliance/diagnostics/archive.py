"""The archive's form: named texts in a gzipped tar of bounded size; long texts lose their beginning."""

import gzip
import io
import tarfile
from collections.abc import Mapping
from typing import Final

_FOLDER: Final = "janban-diagnostics"
_CUT: Final = "[the beginning was left out, for the size of the archive]\n"
_TOO_SHORT_CHARACTERS: Final = 2_000
_LEVEL: Final = 6


def pack(members: Mapping[str, str], *, at_s: float, limit_bytes: int, shortened: frozenset[str]) -> bytes:
    """Return the archive with its members in their order, all stamped `at_s` (seconds since 1970).

    If it is larger than `limit_bytes`, the longest of those named in `shortened` lose their first halves, and
    in the end all of them. Raises ValueError where that is not enough.
    """
    texts = dict(members)
    while len(packed := _packed(texts, at_s)) > limit_bytes:
        longest = max(shortened & texts.keys(), key=lambda name: len(texts[name]), default=None)
        if longest is None:
            raise ValueError(f"the archive has {len(packed)} bytes, more than {limit_bytes}")
        texts[longest] = _latter_half(texts[longest])
        if not texts[longest]:
            del texts[longest]
    return packed


def _latter_half(text: str) -> str:
    if len(text) < _TOO_SHORT_CHARACTERS:
        return ""
    half = text[len(text) // 2 :]
    return _CUT + half[half.find("\n") + 1 :]


def _packed(texts: Mapping[str, str], at_s: float) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, text in texts.items():
            content = text.encode("utf-8", errors="replace")
            entry = tarfile.TarInfo(f"{_FOLDER}/{name}")
            entry.size, entry.mtime, entry.mode = len(content), int(at_s), 0o600
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(raw.getvalue(), _LEVEL, mtime=int(at_s))
