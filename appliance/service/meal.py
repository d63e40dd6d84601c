"""The meal being served, as somebody set it: it survives restarts, and ends by itself."""

import logging
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from appliance.errors import CommandError
from appliance.files import write_whole
from appliance.readings.model import Line, Model
from appliance.readings.reading import UtcTime

_log = logging.getLogger(__name__)

_LONGEST = timedelta(days=7)


class _Meal(Model):
    meal: Line
    until: UtcTime


class MealNote:
    """A small file that says which meal is served, and until when."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._meal = self._read()

    def at(self, moment: datetime) -> str | None:
        """Return the meal that is served at a moment (aware), None where none is known."""
        meal = self._meal
        return meal.meal if meal is not None and moment < meal.until else None

    def set(self, meal: str, until: datetime | None, now: datetime) -> datetime | None:
        """Note a meal, or with "" that there is none; return until when it is served.

        Without `until` it ends with the day, by the time zone of the box. Raises `CommandError`.
        """
        try:
            if not meal:
                self._file.unlink(missing_ok=True)
                self._meal = None
                return None
            until = until or end_of_day(now)
            if not now < until <= now + _LONGEST:
                raise CommandError(f"until has to be within {_LONGEST.days} days from now")
            noted = _Meal(meal=meal, until=until)
            write_whole(self._file, noted.model_dump_json().encode())
        except OSError as error:
            raise CommandError(f"{self._file.name}: cannot be written: {error.strerror}") from None
        self._meal = noted
        return noted.until

    def _read(self) -> _Meal | None:
        try:
            return _Meal.model_validate_json(self._file.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            _log.warning("%s is not used: %s", self._file, " ".join(str(error).split())[:200])
            return None


def end_of_day(now: datetime) -> datetime:
    """Return the next midnight of the machine's own time zone."""
    local = now.astimezone()
    tomorrow = (local + timedelta(days=1)).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    return tomorrow.astimezone()
