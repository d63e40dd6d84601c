"""Ways for the comparison that cost nothing, opened by their names in other processes."""

from collections.abc import Sequence
from pathlib import Path

from appliance.errors import TrayNotFoundError
from appliance.picture import Picture


class Scripted:
    """A way whose times are told; it knows how many calibrations it was given."""

    weights_mb = 1.5

    def __init__(self, calibrations: int, slower: float) -> None:
        self._calibrations = calibrations
        self._slower = slower
        self._trays = 0

    def measure(self, calibration: int, picture: Picture) -> dict[str, float]:
        assert calibration < self._calibrations
        self._trays += 1
        ms = self._slower * (self._trays + picture.shape[1])
        return {"locate": ms / 4, "total": ms}

    def close(self) -> None:
        pass


class Blind(Scripted):
    """Never finds a tray."""

    def measure(self, calibration: int, picture: Picture) -> dict[str, float]:
        raise TrayNotFoundError(f"no tray in {picture.shape[1]} pixels of calibration {calibration}")


def quick(folders: Sequence[Path]) -> Scripted:
    return Scripted(len(folders), 1.0)


def slow(folders: Sequence[Path]) -> Scripted:
    return Scripted(len(folders), 30.0)


def blind(folders: Sequence[Path]) -> Blind:
    return Blind(len(folders), 1.0)


def broken(folders: Sequence[Path]) -> Scripted:
    raise TrayNotFoundError(f"cannot learn {len(folders)} calibrations")


class Dying(Scripted):
    """Ends its process at the second tray."""

    def measure(self, calibration: int, picture: Picture) -> dict[str, float]:
        stages_ms = super().measure(calibration, picture)
        if self._trays > 1:
            raise SystemExit(4)
        return stages_ms


def dying(folders: Sequence[Path]) -> Dying:
    return Dying(len(folders), 1.0)


def crashing(_folders: Sequence[Path]) -> Scripted:
    raise SystemExit(3)
