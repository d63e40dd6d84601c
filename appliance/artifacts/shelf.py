"""Where artifacts lie, and which of each kind is kept or on trial.

Root writes, the service reads. Beside the folder of each kind lies a file that says what is in force, so
that a single replacement of it changes everything at once:

    models.json            which of them is kept, and which is on trial
    models/0123456789ab/   the files of one, named after the hash of its bundle
"""

import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, ValidationError

from appliance.files import read_whole, sync_folder, write_whole
from appliance.readings.model import Line, Model

_LOG = logging.getLogger(__name__)

Kind = Literal["models", "menu"]
KINDS: Final[tuple[Kind, ...]] = ("models", "menu")

_DIGITS: Final = 12
_MOST_BYTES: Final = 10_000
_OPEN: Final = 0o755
_READABLE: Final = 0o644


class Artifact(Model):
    """One of a kind; what tells it from every other is the hash of the bundle that it came in."""

    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    version: Line
    built: Annotated[str, StringConstraints(pattern=r"^[0-9]{14}$")] = Field(
        description="When its bundle was made: year to second, in UTC"
    )
    system: str | None = Field(
        description="The image that it was installed on, with which alone it is in force; null for any"
    )


class Record(Model):
    """What is kept, and what is on trial; neither means that the system's own is in force, if it has one.

    A trial ends with the boot that it began in: whatever ended that boot, the next one is as before.
    """

    kept: Artifact | None = None
    trial: Artifact | None = None
    trial_boot: UUID | None = None

    def in_force(self, boot: UUID, system: str) -> Artifact | None:
        """Return what is to be used in a boot of an image; None for the system's own."""
        for one in (self.trial if self.trial_boot == boot else None, self.kept):
            if one is not None and one.system in (None, system):
                return one
        return None

    def trying(self, artifact: Artifact, boot: UUID) -> "Record":
        """Return the record while an artifact is on trial."""
        return Record(kept=self.kept, trial=artifact, trial_boot=boot)

    def settled(self, *, keep: bool) -> "Record":
        """Return the record after a trial: what was tried is kept, or what was kept before is."""
        return Record(kept=self.trial if keep and self.trial is not None else self.kept)


class Shelf:
    """The artifacts below `folder`; what cannot be read is as if it were not there, and the log says so."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def record(self, kind: Kind) -> Record:
        """Return what is kept and on trial of a kind."""
        file = self._file(kind)
        try:
            return Record.model_validate_json(read_whole(file, _MOST_BYTES))
        except FileNotFoundError:
            return Record()
        except (OSError, ValidationError) as error:
            _LOG.warning("%s is not used: %s", file, " ".join(str(error).split())[:200])
            return Record()

    def write(self, kind: Kind, record: Record) -> None:
        """Replace the record, and remove the artifacts that it does not name; raises `OSError`."""
        self._make(self._folder)
        write_whole(self._file(kind), record.model_dump_json().encode(), mode=_READABLE)
        named = {self.place(kind, one).name for one in (record.kept, record.trial) if one is not None}
        for left in (self._folder / kind).glob("*"):
            if left.name not in named:
                shutil.rmtree(left, ignore_errors=True)

    def put(self, kind: Kind, artifact: Artifact, files: Mapping[str, Path]) -> Path:
        """Copy files (name → where from) to the artifact's place, and return it; raises `OSError`.

        What lay there before is replaced. Nothing is in force by lying there.
        """
        place = self.place(kind, artifact)
        self._make(place.parent)
        shutil.rmtree(place, ignore_errors=True)
        self._make(place)
        for name, source in files.items():
            with open(source, "rb", opener=_no_link) as there, (place / name).open("wb") as here:
                shutil.copyfileobj(there, here)
                here.flush()
                os.fchmod(here.fileno(), _READABLE)
                os.fsync(here.fileno())
        for folder in (place, place.parent):
            sync_folder(folder)
        return place

    def place(self, kind: Kind, artifact: Artifact) -> Path:
        """Return the folder of an artifact."""
        return self._folder / kind / artifact.digest[:_DIGITS]

    def _file(self, kind: Kind) -> Path:
        return self._folder / f"{kind}.json"

    def _make(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # Whatever mask whoever installs has: the service reads.
        folder.chmod(_OPEN)


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW)
