"""A recipe of a training: every setting of it, how it is validated, and the trays it is made for."""

from pathlib import Path
from typing import Final, Literal

from pydantic import Field

from appliance.inference.record import Source
from convert.errors import ConvertError
from convert.recipe import Part, read_recipe
from convert.synth.recipe import Trays
from convert.train.settings import Family, Precision, Settings

NetworkName = Literal["midas-lite0", "midas-lite1", "midas-lite2", "resnet18", "resnet50"]

_MOST_STEPS: Final = 10_000_000


class Validation(Part):
    """How often the weights are judged, and on how many pictures."""

    every_steps: int = Field(default=250, ge=1, le=_MOST_STEPS)
    pictures: int = Field(default=100, ge=1, le=1_000_000)


class TrainingRecipe(Part):
    """What `convert train` does unless its options say otherwise; see `Settings` for what the keys mean."""

    network: NetworkName
    imagenet: bool = Field(default=False, description="Refuse to begin with a random encoder")
    trays: Path | None = Field(default=None, description="Recipe of the trays, from this file's folder")
    steps: int = Field(default=12000, ge=1, le=_MOST_STEPS)
    batch: int = Field(default=8, ge=2, le=1024)
    seed: int = Field(default=0, ge=0, le=2**63 - 1)
    side: int = Field(
        default=Settings.side, ge=64, le=1024, multiple_of=32,
        json_schema_extra={"allowed": "a multiple of 32 from 64 to 1024"},
    )  # fmt: skip
    rate: float = Field(default=Settings.rate, gt=0, le=1)
    encoder_rate: float = Field(default=Settings.encoder_rate, gt=0, le=1)
    decay: float = Field(default=Settings.decay, ge=0, le=1)
    average: float = Field(default=Settings.average, ge=0, le=0.99999)
    pairs: bool = Settings.pairs
    precision: Precision = Settings.precision
    threads: int = Field(default=2, ge=1, le=1024)
    validation: Validation = Validation()

    def settings(self, data: tuple[str, ...]) -> Settings:
        """Return the settings of a training on data of these origins."""
        shared = self.model_dump(exclude={"imagenet", "trays", "threads", "validation"})
        return Settings(data=data, **shared)


def load_recipe(path: Path, family: Family) -> tuple[TrainingRecipe, Trays | None]:
    """Read a recipe for a network of that family, and that of its trays if it names one.

    Raises `ConvertError`, one line.
    """
    recipe = read_recipe(path, TrainingRecipe)
    if Settings(recipe.network, (), 1, 2, 0).family != family:
        raise ConvertError(f"{path}: network: {recipe.network} is no {family}; give a recipe of {family}")
    return recipe, None if recipe.trays is None else read_recipe(path.parent / recipe.trays, Trays)


def sources(trays: Trays | None, origins: tuple[str, ...]) -> tuple[Source, ...]:
    """Return whose photographs are in data of these origins, as far as the trays' recipe tells.

    Raises `ConvertError` where none of the data is what the recipe makes.
    """
    if trays is None:
        return ()
    made = [origin for origin in origins if f"seed {trays.seed}, {trays.size}," in origin]
    if not made:
        raise ConvertError(
            f"the pictures were made otherwise ({'; '.join(origins)}) than the recipe of trays says (seed"
            f" {trays.seed}, {trays.size}); make them with convert synth --config, or give their own recipe"
        )
    return tuple(trays.sources()) if any("no photos" not in origin for origin in made) else ()
