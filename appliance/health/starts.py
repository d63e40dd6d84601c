"""Counts the starts of the service in this boot of the machine, in a small file."""

import json
import logging
from pathlib import Path
from uuid import UUID

from appliance.files import write_whole

_LOG = logging.getLogger(__name__)


def count_start(file: Path, boot_id: UUID) -> int | None:
    """Count one more start in `file`, and return the starts in this boot; None where it cannot be written.

    A file of another boot, or one that is damaged, begins anew.
    """
    starts = _starts(file, boot_id) + 1
    try:
        write_whole(file, json.dumps({"boot_id": str(boot_id), "starts": starts}).encode())
    except OSError as error:
        _LOG.warning("%s: the service's starts cannot be counted: %s", file, error.strerror)
        return None
    return starts


def _starts(file: Path, boot_id: UUID) -> int:
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return 0
    if not isinstance(found, dict) or found.get("boot_id") != str(boot_id):
        return 0
    starts = found.get("starts")
    return starts if isinstance(starts, int) and not isinstance(starts, bool) and starts > 0 else 0
