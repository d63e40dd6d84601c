"""The least that the time can be, known from earlier: for boxes whose clock starts anew at every boot."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

from appliance.clock import Clock
from appliance.files import write_whole
from appliance.readings.reading import ClockState

_log = logging.getLogger(__name__)

_SAVE_EVERY_S = 600.0
_A_BOXES_LIFE = timedelta(days=3650)
"""Nobody measures for so long without ever having reached a time server again."""


class ClockFloor:
    """Keeps stamps of an unset clock from going back behind those of an earlier boot.

    A Raspberry Pi has no clock that runs without power: until a time server is reached it may live in 1970,
    or on the day when its image was built. What is known for certain is that it is later than the last
    synchronised time that was saved, and than the last reading, by at least the time since the start.
    """

    def __init__(self, file: Path, clock: Clock, newest: datetime | None = None) -> None:
        """Read the floor from `file`, if there is one; `newest` is the stamp of the last reading stored."""
        self._file = file
        self._clock = clock
        saved = _saved(file)
        if saved is not None and newest is not None and newest - saved > _A_BOXES_LIFE:
            _log.warning("the last reading's stamp, %s, is not believed: its clock was far ahead", newest)
            newest = None
        self._floor = max((one for one in (saved, newest) if one is not None), default=None)
        self._since_s = clock.monotonic_s()
        self._saved_s: float | None = None

    def stamp(self, captured_at: datetime, captured_s: float, state: ClockState) -> datetime:
        """Return the stamp of what was captured at `captured_at` (UTC) and `captured_s` (monotonic).

        That of a synchronised clock is right as it is, even where it corrects what was said before.
        """
        if state == "synced" or self._floor is None:
            return captured_at
        return max(captured_at, self._floor + timedelta(seconds=max(0.0, captured_s - self._since_s)))

    def save(self, state: ClockState, *, at_once: bool = False) -> None:
        """Save the time if it is synchronised, every ten minutes at most unless `at_once`.

        Never raises: a disk that does not take it is no reason to stop.
        """
        now_s = self._clock.monotonic_s()
        early = self._saved_s is not None and now_s - self._saved_s < _SAVE_EVERY_S
        if state != "synced" or (early and not at_once):
            return
        self._saved_s = now_s
        try:
            write_whole(self._file, f"{self._clock.utc().isoformat()}\n".encode())
        except OSError as error:
            _log.warning("%s: the time cannot be saved: %s", self._file, error)


def _saved(file: Path) -> datetime | None:
    try:
        saved = datetime.fromisoformat(file.read_text(encoding="ascii").strip())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        _log.warning("%s: holds no time: %s", file, error)
        return None
    return saved.replace(tzinfo=saved.tzinfo or UTC)
