"""Networks or a menu alone: put beside what is kept, tried by the service, kept or left."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from uuid import UUID

from appliance.artifacts.contents import contents
from appliance.artifacts.in_force import Check
from appliance.artifacts.shelf import ARE, KINDS, Artifact, Kind, Shelf
from appliance.errors import JanbanError, UpdateError
from appliance.update.bundle import Bundle
from appliance.update.machine import Machine
from appliance.update.trial import Verdict

_STAY: Final[Mapping[Kind, str]] = {"models": "stay", "menu": "stays"}
_UNKNOWN: Final = "0" * 14


class Alone:
    """Installs what comes without a system, on one shelf.

    `checks` raise `JanbanError` for a folder that is not what it should be, before anything is tried;
    `verdict` says, of the service that was started anew with a kind and version, whether they stay. `system`
    is the image's version, `built` when it was made, `boot` this boot's id.
    """

    def __init__(
        self,
        shelf: Shelf,
        machine: Machine,
        checks: Mapping[Kind, Check],
        verdict: Callable[[Kind, str], Verdict],
        *,
        system: str,
        built: str | None,
        boot: UUID,
    ) -> None:
        self._shelf = shelf
        self._machine = machine
        self._checks = checks
        self._verdict = verdict
        self._system = system
        self._built = built
        self._boot = boot

    def put(
        self, kind: Kind, bundle: Bundle, digest: str, unpacked: Path, *, older: bool = False
    ) -> Artifact | None:
        """Check what was unpacked, and put it on the shelf; None where it is in force already.

        Raises `UpdateError` where it is not to be tried. What is in force is what it was.
        """
        kept = self._shelf.record(kind).kept
        if not older:
            self._check_age(kind, bundle, kept)
        artifact = Artifact(
            digest=digest,
            version=bundle.version,
            built=bundle.built or self._built or _UNKNOWN,
            # Networks are tried with the system that runs; the next one brings its own.
            system=self._system if kind == "models" else None,
        )
        same = kept is not None and (kept.digest, kept.system) == (digest, artifact.system)
        if same and self._is_sound(kind, artifact):
            return None
        try:
            self._checks[kind](unpacked)
            self._shelf.put(kind, artifact, contents(kind, unpacked))
        except OSError as error:
            raise UpdateError(f"the {kind} cannot be written: {error.strerror}; check the disk") from None
        except JanbanError as error:
            raise UpdateError(f"the {kind} {artifact.version} {ARE[kind]} refused: {error}") from None
        return artifact

    def try_out(self, kind: Kind, artifact: Artifact) -> str:
        """Put an artifact in force, on trial, and say in a line what became of it; raises `UpdateError`."""
        try:
            self._shelf.write(kind, self._shelf.record(kind).trying(artifact, self._boot))
        except OSError as error:
            raise UpdateError(f"the {kind} cannot be tried: {error.strerror}; check the disk") from None
        found = self._found(kind, artifact.version)
        self._write(kind, keep=found.stays)
        if found.stays:
            return f"the {kind} {artifact.version} {_STAY[kind]}: {found.why}"
        given_up = f"the {kind} {artifact.version} {ARE[kind]} given up: {found.why}"
        said = f"{given_up}; what was before is in force again"
        try:
            self._machine.restart_service()
        except UpdateError as error:
            return f"{said}, though the service does not start with that either: {error}"
        return said

    def settle(self) -> dict[Kind, str]:
        """End the trials that nobody judges any more, and say so by kind; what they left is removed.

        To be called while nothing is being installed: no trial goes on then. Raises `UpdateError`.
        """
        said: dict[Kind, str] = {}
        for kind in KINDS:
            record = self._shelf.record(kind)
            if record.trial is not None:
                self._write(kind, keep=False)
                said[kind] = f"the {kind} {record.trial.version} {ARE[kind]} given up: cut off on trial"
                if record.trial_boot == self._boot:
                    self._machine.restart_service()
            self._shelf.tidy(kind)
        return said

    def _is_sound(self, kind: Kind, artifact: Artifact) -> bool:
        try:
            self._checks[kind](self._shelf.place(kind, artifact))
        except JanbanError:
            return False
        return True

    def _check_age(self, kind: Kind, bundle: Bundle, kept: Artifact | None) -> None:
        if kept is not None:
            bundle.check_age(kept.built, f"the {kind} {kept.version} in force")
        if kind == "models":
            bundle.check_age(self._built, "the system, which has its own")

    def _found(self, kind: Kind, version: str) -> Verdict:
        try:
            self._machine.restart_service()
            return self._verdict(kind, version)
        except (KeyboardInterrupt, SystemExit):
            return Verdict(stays=False, why="interrupted on trial")
        except Exception as error:  # noqa: BLE001 - whatever keeps it from being judged is an answer, too
            return Verdict(stays=False, why=str(error) or type(error).__name__)

    def _write(self, kind: Kind, *, keep: bool) -> None:
        try:
            self._shelf.write(kind, self._shelf.record(kind).settled(keep=keep))
        except OSError as error:
            raise UpdateError(f"what became of the {kind} cannot be written: {error.strerror}") from None
