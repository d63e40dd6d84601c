"""A recipe of trays: what `convert synth` is to make, and whose photographs it uses."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import Field

from appliance.inference.record import Source
from appliance.readings.model import Line
from convert.errors import ConvertError
from convert.recipe import Part


class Photographs(Part):
    """A folder of photographs, and whose they are."""

    folder: str = Field(min_length=1, max_length=200)
    licence: Line = "NOASSERTION"
    origin: Line = "not said"

    def below(self, root: Path) -> Path:
        """Return the folder's path; raises `ConvertError` where there is none."""
        path = root / self.folder
        if not path.is_dir():
            raise ConvertError(
                f"{path}: no such folder; fetch it from {self.origin} and name where it lies with"
                " --photographs, or go without: --without-photographs"
            )
        return path


_USES: Final = {
    "textures": "surfaces of food",
    "backgrounds": "counters, of which a margin around the tray is seen",
}


class Trays(Part):
    """What to make; the same recipe with the same photographs gives the same pictures."""

    count: int = Field(ge=1, le=10_000_000, description="Pictures, ten for each set-up")
    seed: int = Field(ge=0, le=2**63 - 1)
    size: str = Field(
        default="384x288",
        pattern=r"^[0-9]+x[0-9]+$",
        json_schema_extra={"allowed": 'WIDTHxHEIGHT, as "384x288"'},
    )
    textures: tuple[Photographs, ...] = Field(
        default=(), json_schema_extra={"allowed": "sections [[textures]], each with folder, licence, origin"}
    )
    backgrounds: tuple[Photographs, ...] = Field(
        default=(), json_schema_extra={"allowed": "sections [[backgrounds]], like textures"}
    )

    def sources(self) -> Iterator[Source]:
        """Yield whose photographs are used, and for what."""
        for use, folders in ((_USES["textures"], self.textures), (_USES["backgrounds"], self.backgrounds)):
            for one in folders:
                yield Source(name=one.folder, use=use, licence=one.licence, origin=one.origin)
