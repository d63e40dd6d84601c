"""Which networks, and which menu, the service is to use now."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from appliance.artifacts.settings import ArtifactSettings
from appliance.artifacts.shelf import KINDS, Artifact, Kind, Shelf
from appliance.errors import JanbanError
from appliance.image_version import image_version
from appliance.readings.boot import boot_id

_LOG = logging.getLogger(__name__)

Check = Callable[[Path], object]
"""Raises `JanbanError` for a folder that is not what it should be."""


@dataclass(frozen=True)
class InForce:
    """What takes the place of the system's own: folder and version by kind, and what ails the rest."""

    folders: Mapping[Kind, Path] = field(default_factory=dict)
    versions: Mapping[Kind, str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()


def in_force(
    settings: ArtifactSettings,
    checks: Mapping[Kind, Check],
    *,
    root: Path = Path("/"),
    boot: UUID | None = None,
) -> InForce:
    """Look what is in force now; one that fails its check is left out, as if it had never come.

    `root` is where the image's files are looked for, `boot` is this boot's id unless given.
    """
    if settings.folder is None:
        return InForce()
    shelf, system = Shelf(settings.folder), image_version(root)
    found: dict[Kind, Artifact] = {}
    faults = []
    for kind in KINDS:
        artifact = shelf.record(kind).in_force(boot or boot_id(), system)
        if artifact is None:
            continue
        try:
            checks[kind](shelf.place(kind, artifact))
            found[kind] = artifact
        except JanbanError as error:
            faults.append(f"the {kind} {artifact.version} of an update are not used: {error}")
            _LOG.error("%s", faults[-1])
    return InForce(
        {kind: shelf.place(kind, one) for kind, one in found.items()},
        {kind: one.version for kind, one in found.items()},
        tuple(faults),
    )
