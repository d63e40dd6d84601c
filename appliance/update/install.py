"""A bundle goes to the spare slot, and the box is restarted into it, on trial."""

from pathlib import Path
from typing import Final

from appliance.errors import UpdateError
from appliance.update import record
from appliance.update.bootloader import Bootloader
from appliance.update.machine import Machine
from appliance.update.record import Attempt
from appliance.update.settle import begin
from appliance.update.stage import digest_of, staged

STAGED: Final = "bundle.raucb"
"""Beside the record, in a folder that is root's."""
_SUFFIX: Final = ".raucb"


def find(place: Path) -> Path:
    """Return the bundle that `place` is, or the only one in that folder; raises `UpdateError`."""
    if not place.is_dir():
        if place.is_file():
            return place
        raise UpdateError(f"{place}: there is no such bundle")
    found = sorted(file for file in place.iterdir() if file.suffix == _SUFFIX and file.is_file())
    if len(found) != 1:
        names = ", ".join(file.name for file in found) or "none"
        raise UpdateError(f"{place}: has to have one bundle, *{_SUFFIX}; there is {names}")
    return found[0]


def install(
    place: Path, bootloader: Bootloader, machine: Machine, noted: Path, *, again: bool = False
) -> str:
    """Install a signed bundle, restart into it, and say so in a line.

    What was begun before is not begun again without `again`: a stick that stays plugged in is seen at every
    start. `noted` is the file of the last attempt. Raises `UpdateError`; the slot that runs is never touched.
    """
    bundle = find(place)
    digest, name = digest_of(bundle), bundle.stem
    last = record.load(noted)
    if last is not None and last.digest == digest and not again:
        return f"{name}: was installed before; --again does it once more"
    state, current = bootloader.load(), bootloader.current()
    if current != state.default:
        raise UpdateError(f"slot {current} is on trial itself; wait until it stays or is left")
    copy = noted.with_name(STAGED)
    with staged(bundle, copy, digest):
        machine.install(copy)
    if bootloader.load().trial != "wanted":
        raise UpdateError("RAUC installed it, but did not ask for its start; see journalctl -u rauc")
    record.save(noted, Attempt(digest, name))
    begin(bootloader, machine)
    return f"{name} is in slot {state.spare}; restarting into it, on trial"
