"""What truly passes the line, and when: the same script as the camera's, with nothing painted large."""

from dataclasses import dataclass, replace

from appliance.camera.settings import SimulatorSettings
from appliance.camera.simulator import SimulatedLine

_WHOLE = 0.998
_WIDTH_PX = 160


@dataclass(frozen=True)
class Passage:
    """A tray, whole in view from `first_s` to `last_s` after the line's start."""

    tray: int
    first_s: float
    last_s: float


def passages(settings: SimulatorSettings, seconds: float) -> list[Passage]:
    """Return the trays that are whole in view within the line's first `seconds`, in their order."""
    small = {"width": _WIDTH_PX, "height": _WIDTH_PX * settings.height // settings.width, "real_time": False}
    line = SimulatedLine(SimulatorSettings.model_validate(settings.model_dump() | small))
    seen: dict[int, Passage] = {}
    with line:
        while (now_s := (frame := line.read(1.0)).index / settings.fps) < seconds:
            for truth in frame.truth:
                if truth.in_view_fraction >= _WHOLE:
                    before = seen.setdefault(truth.tray, Passage(truth.tray, now_s, now_s))
                    seen[truth.tray] = replace(before, last_s=now_s)
    return list(seen.values())
