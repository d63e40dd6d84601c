"""`menu.toml`, `janban.menu/1`: the meals to come, each with its time and, if wanted, its full serving."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from appliance.errors import MenuError
from appliance.files import read_whole
from appliance.readings.model import Line, Model, Name
from appliance.readings.reading import UtcTime
from appliance.toml_text import parse_toml

FILE_NAME: Final = "menu.toml"
SCHEMA_ID: Final = "janban.menu/1"
EXAMPLE: Final = "docs/menu-example.toml"

_MOST_BYTES: Final = 100_000
_MOST_MEALS: Final = 500
SHORTEST: Final = timedelta(minutes=10)
"""A meal's full serving is taken on by starting the service anew: that must not happen every minute."""
LONGEST: Final = timedelta(hours=24)

PictureName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}\.(png|jpg|jpeg)$")]
"""A file beside the menu; it cannot lead out of the folder."""


class Meal(Model):
    """One meal, from `begins` until just before `ends`."""

    name: Line
    begins: UtcTime = Field(alias="from")
    ends: UtcTime = Field(alias="until")
    full: PictureName | None = Field(
        default=None, description="Picture of a tray as it is served, taken by the box that the menu is for"
    )

    @model_validator(mode="after")
    def _a_while(self) -> Self:
        if not SHORTEST <= self.ends - self.begins <= LONGEST:
            raise ValueError("a meal lasts from 10 minutes to 24 hours")
        return self


class Menu(Model):
    """The meals, in the order of their times; no two at once."""

    schema_id: Literal["janban.menu/1"] = Field(alias="schema")
    site: Name | None = Field(default=None, description="The only site that it is for; any if not given")
    device: Name | None = Field(default=None, description="The only box that it is for; any if not given")
    meals: tuple[Meal, ...] = Field(alias="meal", min_length=1, max_length=_MOST_MEALS)

    @model_validator(mode="after")
    def _one_at_a_time(self) -> Self:
        for before, after in pairwise(self.meals):
            if after.begins < before.ends:
                raise ValueError(f"{after.name} begins before {before.name} ends; write them by time")
        if self.device is None and any(meal.full for meal in self.meals):
            raise ValueError("device is needed with pictures: they are of one box's camera")
        return self

    def at(self, moment: datetime) -> Meal | None:
        """Return the meal that is served at a moment (aware); None between meals."""
        return next((meal for meal in self.meals if meal.begins <= moment < meal.ends), None)

    def picture_of(self, meal: str | None, moment: datetime) -> str | None:
        """Return the picture of a meal's full serving, whether its time is now or an operator moved it."""
        planned = self.at(moment)
        meals = self.meals if planned is None else (planned, *self.meals)
        return next((one.full for one in meals if one.name == meal), None)

    def check_for(self, site: str, device: str) -> None:
        """Raise `MenuError` where this is the menu of another box."""
        for what, wanted, there in (("site", self.site, site), ("device", self.device, device)):
            if wanted not in (None, there):
                raise MenuError(f"the menu is for the {what} {wanted}, and this is {there}")

    @property
    def pictures(self) -> Sequence[str]:
        """The names of the pictures that it needs, each once."""
        return sorted({meal.full for meal in self.meals if meal.full is not None})


def load_menu(folder: Path) -> Menu:
    """Read and check the menu of a folder, and that its pictures are there.

    Raises `MenuError`, one line that names the file and the first faulty key.
    """
    file = folder / FILE_NAME
    try:
        data = parse_toml(read_whole(file, _MOST_BYTES).decode("utf-8-sig"), float)
        menu = Menu.model_validate(data)
    except FileNotFoundError:
        raise MenuError(f"{file}: does not exist; write one as {EXAMPLE} shows") from None
    except OSError as error:
        raise MenuError(f"{file}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        raise MenuError(f"{file}: {_first_fault(error)}; write it as {EXAMPLE} shows") from None
    except ValueError as error:
        raise MenuError(f"{file}: is not TOML: {error}") from None
    for name in menu.pictures:
        if not (folder / name).is_file() or (folder / name).is_symlink():
            raise MenuError(f"{folder / name}: is missing, though {FILE_NAME} names it")
    return menu


def _first_fault(error: ValidationError) -> str:
    """Return where the first fault is, as meal[2].until, and what it is."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    reason = " ".join(first["msg"].removeprefix("Value error, ").split())
    return f"{where.lstrip('.')}: {reason}" if where else reason
