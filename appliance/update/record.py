"""Which update came last, and what became of it: root's own file, which survives updates."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from appliance.errors import UpdateError
from appliance.files import read_whole, write_whole

_DIGEST = re.compile(r"[0-9a-f]{64}")
_MOST_BYTES = 10_000


@dataclass(frozen=True)
class Attempt:
    """An update that was begun; `outcome` is empty until it is known."""

    digest: str
    name: str
    outcome: str = ""


def load(file: Path) -> Attempt | None:
    """Return the last attempt; None where there was none, or nothing readable of it."""
    try:
        said = json.loads(read_whole(file, _MOST_BYTES))
        attempt = Attempt(str(said["digest"]), str(said["name"]), str(said["outcome"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return attempt if _DIGEST.fullmatch(attempt.digest) else None


def save(file: Path, attempt: Attempt) -> None:
    """Note an attempt, or what became of it; raises `UpdateError`."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(file, json.dumps(asdict(attempt)).encode())
    except OSError as error:
        raise UpdateError(f"{file}: cannot be written: {error.strerror}; check the disk") from None
