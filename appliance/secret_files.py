"""Whether a file with a secret is the service's, and nobody else's."""

import grp
import os
import pwd
import stat
from pathlib import Path
from typing import Final

_SERVICE: Final = "janban"
"""Its user and its group."""


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


def is_closed_to_service(file: Path) -> bool:
    """Whether the service's user may not read a file; False on a machine without that user.

    The folders on the way there are not looked at. Raises `OSError`.
    """
    try:
        user = pwd.getpwnam(_SERVICE)
    except KeyError:
        return False
    status = file.stat()
    if status.st_uid == user.pw_uid:
        return not status.st_mode & stat.S_IRUSR
    if status.st_gid in os.getgrouplist(_SERVICE, user.pw_gid):
        return not status.st_mode & stat.S_IRGRP
    return not status.st_mode & stat.S_IROTH


def _is_services(group: int) -> bool:
    return group == os.getegid() or _name(group) == _SERVICE


def _name(group: int) -> str:
    try:
        return grp.getgrgid(group).gr_name
    except KeyError:
        return str(group)
