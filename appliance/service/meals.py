"""Which meal is served now, by whom that is said, and the full serving that it is compared with."""

import logging
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from appliance.budget import WATCHDOG_S
from appliance.clock import Clock
from appliance.errors import CalibrationError, PictureError, TrayNotFoundError
from appliance.menu.menu import Menu
from appliance.picture import load_picture
from appliance.service.new_reference import with_reference
from appliance.tray.calibration import Calibration

_LOG = logging.getLogger(__name__)

LEAST_S: Final = 10 * WATCHDOG_S
"""Between two starts for a meal: five in the 25 minutes in which systemd takes ten for a fault."""


class Note(Protocol):
    """What an operator said of the meal."""

    def meal(self, moment: datetime) -> str | None:
        """Return the meal that is served at a moment (aware); None where nothing was said."""


class Meals:
    """The meals of a menu in `folder`, and an operator's word, which counts more.

    `picture` is the name of the full serving that the service was started with, None for the calibration's.
    """

    def __init__(self, clock: Clock, menu: Menu | None = None, folder: Path = Path()) -> None:
        self._clock = clock
        self._menu = menu
        self._folder = folder
        self._served_s = clock.monotonic_s()
        self.note: Note | None = None
        self.picture: str | None = None
        self.fault: str | None = None

    def at(self, moment: datetime) -> str | None:
        """Return the meal that is served at a moment (aware), None where nobody knows."""
        noted = None if self.note is None else self.note.meal(moment)
        if noted is not None or self._menu is None:
            return noted
        planned = self._menu.at(moment)
        return None if planned is None else planned.name

    @property
    def changed(self) -> bool:
        """Whether to start anew: the meal of this moment has another full serving than the one compared with.

        Never soon after a start: whoever sets one meal after another must not have the machine reboot, which
        is what systemd does where a service starts too often.
        """
        if self._clock.monotonic_s() - self._served_s < LEAST_S:
            return False
        return self._wanted() != self.picture

    def served(self, calibration: Calibration) -> Calibration:
        """Return the calibration with the full serving of this moment's meal, where the menu has one.

        One that is of no use is a `fault`, and the calibration's own stays.
        """
        self._served_s = self._clock.monotonic_s()
        self.picture = self._wanted()
        if self.picture is None:
            return calibration
        try:
            return with_reference(calibration, "full", load_picture(self._folder / self.picture), self._clock)
        except (CalibrationError, PictureError, TrayNotFoundError) as error:
            self.fault = f"the menu's picture {self.picture} is no full serving: {error}"
            _LOG.error("%s", self.fault)
            return calibration

    def _wanted(self) -> str | None:
        if self._menu is None:
            return None
        now = self._clock.utc()
        return self._menu.picture_of(self.at(now), now)
