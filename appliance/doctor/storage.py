"""Whether readings can be stored, and where those are that were."""

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from appliance.config import Settings
from appliance.doctor.check import Check
from appliance.doctor.running import Running
from appliance.errors import StoreError
from appliance.files import kernel_text
from appliance.health.disk import is_read_only
from appliance.readings.survey import set_aside, survey
from appliance.service.assemble import STORE_FILE

_FULL_DISK_MB: Final = 50
_LATE: Final = timedelta(hours=1)
_CARD: Final = "replace the SD card; copy the state folder first"


def disk(settings: Settings, free_bytes: Callable[[Path], int], root: Path) -> Check:
    """Look whether the state folder can be written, and whether the store has room to grow."""
    folder = settings.device.state_dir
    if is_read_only(folder, root):
        advice = f"the kernel does that after errors: {_CARD}; mount -o remount,rw helps for now"
        return Check("disk", "fail", f"{folder} is mounted read-only: readings cannot be stored", advice)
    if not os.access(folder, os.W_OK | os.X_OK):
        advice = "create it with systemd/tmpfiles.d/janban.conf, and run this as the user janban"
        return Check("disk", "fail", f"{folder} cannot be written", advice)
    free_mb, wanted_mb = free_bytes(folder) / 1e6, settings.store.max_mb
    found = f"{free_mb:.0f} MB free at {folder}"
    if free_mb < _FULL_DISK_MB:
        return Check("disk", "fail", found, "free some space: readings cannot be stored")
    if errors := _file_system_errors(root):
        return Check("disk", "warn", f"{found}, but the file system counted {errors} errors", _CARD)
    if free_mb < wanted_mb:
        return Check(
            "disk", "warn", f"{found}, less than store.max_mb = {wanted_mb:g}", "free some, or lower it"
        )
    return Check("disk", "ok", found)


def store(settings: Settings, now: datetime, running: Running | None) -> Check:
    """Count the readings, and look for what went wrong with them; the service may go on writing."""
    waiting = None if running is None else running.value("readings_waiting")
    if running is not None and (waiting or running.value("store_in_memory")):
        advice = "do what disk says above; what waits in memory is lost with the power, and only with that"
        found = f"takes no readings: they are sent from memory, where {waiting or 0:.0f} wait for the broker"
        return Check("store", "fail", found, advice)
    return _stored(settings.device.state_dir / STORE_FILE, now)


def _stored(file: Path, now: datetime) -> Check:
    if not file.exists():
        return Check("store", "ok", "empty: the service makes it when it first runs")
    try:
        found = survey(file)
    except StoreError as error:
        return Check(
            "store", "fail", str(error), "restart the service: it sets a damaged store aside, and goes on"
        )
    words = f"{found.pending} readings wait, {found.sent} sent ones kept"
    if found.lost:
        advice = "reconnect the broker, or raise store.max_mb: when the store is full, the oldest ones go"
        return Check("store", "warn", f"{words}; {found.lost} were lost unsent, ever", advice)
    if damaged := set_aside(file):
        advice = (
            f"{_CARD}, should it happen again; send {damaged[-1].name} to the maintainers, then delete it"
        )
        return Check("store", "warn", f"{words}; a damaged store was set aside: {damaged[-1].name}", advice)
    age = timedelta() if found.oldest_pending is None else now - found.oldest_pending
    if found.pending and age > _LATE:
        hours = age.total_seconds() / 3600
        return Check("store", "warn", f"{words}, the oldest for {hours:.0f} hours", "see broker above")
    return Check("store", "ok", words)


def _file_system_errors(root: Path) -> int:
    """Return how many errors ext4 has ever counted on this machine's file systems."""
    counts = (kernel_text(file) for file in root.glob("sys/fs/ext4/*/errors_count"))
    return sum(int(count) for count in counts if count and count.isdecimal())
