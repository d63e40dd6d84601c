"""A bundle goes where it belongs: a system to the spare slot, all else beside what is kept."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from appliance.artifacts.bundles import SUFFIX, bundles_in
from appliance.artifacts.shelf import Kind
from appliance.errors import UpdateError
from appliance.update import record
from appliance.update.alone import Alone
from appliance.update.bootloader import Bootloader
from appliance.update.bundle import Bundle, BundleKind
from appliance.update.machine import Machine
from appliance.update.record import Attempt
from appliance.update.settle import begin
from appliance.update.stage import digest_of, staged

STAGED: Final = "bundle.raucb"
UNPACKED: Final = "unpacked"
"""Both beside the records, in a folder that is root's."""
REFUSED: Final = "last-refused.json"
"""What was not begun, and why; gone when something is."""
KINDS: Final[tuple[BundleKind, ...]] = ("system", "models", "menu")
_NO_DIGEST: Final = "0" * 64


def noted(folder: Path, kind: BundleKind) -> Path:
    """Return the file that says which bundle of a kind came last."""
    return folder / f"last-{kind}.json"


def note_outcome(folder: Path, kind: BundleKind, outcome: str) -> None:
    """Note what became of the last bundle of a kind, unless that is known; raises `UpdateError`."""
    file = noted(folder, kind)
    last = record.load(file)
    if last is not None and not last.outcome:
        record.save(file, replace(last, outcome=outcome))


def tidy(folder: Path) -> None:
    """Remove what a power cut left of an installation; never raises."""
    with suppress(OSError):
        (folder / STAGED).unlink(missing_ok=True)
    shutil.rmtree(folder / UNPACKED, ignore_errors=True)


def find(place: Path) -> Path:
    """Return the bundle that `place` is, or the only one in that folder; raises `UpdateError`."""
    if not place.is_dir():
        if place.is_file():
            return place
        raise UpdateError(f"{place}: there is no such bundle")
    try:
        found = bundles_in(place)
    except OSError as error:
        raise UpdateError(f"{place}: cannot be read: {error.strerror}") from None
    if len(found) != 1:
        names = ", ".join(file.name for file in found) or "none"
        raise UpdateError(f"{place}: has to have one bundle, *{SUFFIX}; there is {names}")
    return found[0]


@contextmanager
def nobody_else(state: Path) -> Iterator[None]:
    """Keep a stick and a command apart: both would be judged by the same service. Raises `UpdateError`."""
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(state, os.O_RDONLY)
    except OSError as error:
        raise UpdateError(f"{state}: cannot be used: {error.strerror}; check the disk") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise UpdateError("another update is being installed; try again when it is done") from None
    finally:
        os.close(handle)


class Installer:
    """Installs signed bundles on a box; what it notes of them lies in `state`, a folder that is root's.

    `alone` is asked for when networks or a menu come: a box that cannot measure yet takes a system all the
    same. `built` is when the system that runs was made, None if that is not known.
    """

    def __init__(
        self,
        bootloader: Bootloader,
        machine: Machine,
        state: Path,
        alone: Callable[[], Alone],
        *,
        built: str | None = None,
    ) -> None:
        self._bootloader = bootloader
        self._machine = machine
        self._state = state
        self._alone = alone
        self._built = built

    def install(self, place: Path, *, again: bool = False, older: bool = False) -> str:
        """Install a bundle, and say in a line what became of it, or that the box restarts for it.

        What was begun before is not begun again without `again`: a stick that stays plugged in is seen at
        every start. Nor is what was made before that which runs, without `older`. Raises `UpdateError`; the
        slot that runs is never touched.
        """
        with nobody_else(self._state):
            refusal = self._state / REFUSED
            try:
                said = self._install(find(place), again=again, older=older)
            except UpdateError as error:
                # A stick has no other way to tell: the journal is gone with the next start.
                with suppress(UpdateError):
                    record.save(refusal, Attempt(_NO_DIGEST, str(place), str(error)))
                raise
            refusal.unlink(missing_ok=True)
            return said

    def _install(self, file: Path, *, again: bool, older: bool) -> str:
        digest, name = digest_of(file), file.stem
        known = (record.load(noted(self._state, kind)) for kind in KINDS)
        before = next((last for last in known if last is not None and last.digest == digest), None)
        if before is not None and not again:
            outcome = f" ({before.outcome})" if before.outcome else ""
            return f"{name}: was installed before{outcome}; --again does it once more"
        state, current = self._bootloader.load(), self._bootloader.current()
        if current != state.default:
            raise UpdateError(f"slot {current} is on trial itself; wait until it stays or is left")
        copy = self._state / STAGED
        with staged(file, copy, digest):
            bundle = self._machine.info(copy)
            if bundle.kind == "system":
                return self._install_system(bundle, copy, digest, name, older=older)
            return self._install_alone(bundle.kind, bundle, copy, Attempt(digest, name), older=older)

    def _install_system(self, bundle: Bundle, copy: Path, digest: str, name: str, *, older: bool) -> str:
        if not older:
            bundle.check_age(self._built, "the system that runs")
        self._machine.install(copy)
        if self._bootloader.load().trial != "wanted":
            raise UpdateError("RAUC installed it, but did not ask for its start; see journalctl -u rauc")
        record.save(noted(self._state, "system"), Attempt(digest, name))
        begin(self._bootloader, self._machine)
        return f"{name} is in slot {self._bootloader.load().spare}; restarting into it, on trial"

    def _install_alone(self, kind: Kind, bundle: Bundle, copy: Path, attempt: Attempt, *, older: bool) -> str:
        if (state := self._bootloader.load()).trial != "none":
            raise UpdateError(f"slot {state.spare} is to be tried; wait until the box has restarted")
        alone, unpacked, note = self._alone(), self._state / UNPACKED, noted(self._state, kind)
        for cut_off, outcome in alone.settle().items():
            note_outcome(self._state, cut_off, outcome)
        shutil.rmtree(unpacked, ignore_errors=True)
        try:
            self._machine.extract(copy, unpacked)
            artifact = alone.put(kind, bundle, attempt.digest, unpacked, older=older)
        finally:
            shutil.rmtree(unpacked, ignore_errors=True)
        if artifact is None:
            return f"{attempt.name}: is in force already"
        record.save(note, attempt)
        outcome = alone.try_out(kind, artifact)
        record.save(note, replace(attempt, outcome=outcome))
        return outcome
