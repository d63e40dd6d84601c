"""Whether a file with a secret is the service's alone."""

import grp
import os
import stat
from pathlib import Path
from typing import Final

_GROUP: Final = "janban"


def who_else_may(file: Path) -> str | None:
    """Return who besides the service may read or change a secret's file, in words; None where nobody may.

    The group of the service may read it, so that it can belong to root. Raises `OSError`.
    """
    status = file.stat()
    mode = f"mode {stat.S_IMODE(status.st_mode):04o}"
    if status.st_mode & 0o007:
        return f"everybody on this machine may use it ({mode})"
    if status.st_mode & 0o030 or (status.st_mode & 0o040 and not _is_services(status.st_gid)):
        return f"the group {_name(status.st_gid)} may use it ({mode})"
    return None


def _is_services(group: int) -> bool:
    return group == os.getegid() or _name(group) == _GROUP


def _name(group: int) -> str:
    try:
        return grp.getgrgid(group).gr_name
    except KeyError:
        return str(group)
