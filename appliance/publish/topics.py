"""The topics: `janban/v1/<site>/<device>/...`."""

import re
from dataclasses import dataclass

from appliance.readings.model import NAME_PATTERN

_ROOT = "janban/v1"


def checked_name(name: str) -> str:
    """Return `name` if it can be a site, device or command; raise `ValueError` if it cannot be one level."""
    if not re.fullmatch(NAME_PATTERN, name):
        raise ValueError(
            f"{name[:60]!r} is no name for a topic; use at most 48 letters, digits, '-' and '_',"
            " beginning with a letter or digit"
        )
    return name


@dataclass(frozen=True)
class Topics:
    """The topics of one device; raises `ValueError` for a name that cannot be one level of a topic."""

    site: str
    device: str

    def __post_init__(self) -> None:
        checked_name(self.site)
        checked_name(self.device)

    @property
    def _base(self) -> str:
        return f"{_ROOT}/{self.site}/{self.device}"

    @property
    def reading(self) -> str:
        """Every tray's reading: QoS 1, not retained."""
        return f"{self._base}/reading"

    @property
    def status(self) -> str:
        """`online` or `offline`: QoS 1, retained, also the will."""
        return f"{self._base}/status"

    @property
    def health(self) -> str:
        """How the device is: QoS 1, retained, expires."""
        return f"{self._base}/health"

    @property
    def info(self) -> str:
        """What the device is: QoS 1, retained."""
        return f"{self._base}/info"

    def command(self, name: str) -> str:
        """Return the topic on which the device is asked to do `name`."""
        return f"{self._base}/cmd/{checked_name(name)}"

    @property
    def commands(self) -> str:
        """The filter of all commands, without their results."""
        return f"{self._base}/cmd/+"

    def command_of(self, topic: str) -> str | None:
        """Return the name of the command that is asked for on `topic`; None where that is none."""
        name = topic.removeprefix(f"{self._base}/cmd/")
        return name if name != topic and re.fullmatch(NAME_PATTERN, name) else None

    def result(self, name: str) -> str:
        """Return the topic on which the device answers `name`."""
        return f"{self.command(name)}/result"


def readings_of(site: str) -> str:
    """Return the filter that subscribes to the readings of one site, or with "+" of all."""
    return f"{_ROOT}/{site if site == '+' else checked_name(site)}/+/reading"
