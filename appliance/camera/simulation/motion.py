"""Things that move: paths through key frames, and scenes made of them.

Positions are millimetres from the centre of the view, x along the belt, y across it (down in the picture).
"""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

Behaviour = Literal[
    "glide", "tailgate", "belt_stop", "set_down", "nudge", "stay", "hand", "napkin", "lamps", "empty"
]


@dataclass(frozen=True, eq=False)
class Path:
    """Values over time, linear between key frames: `times_s` (K,) rising, `values` (K, N)."""

    times_s: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]

    @classmethod
    def through(cls, *keys: tuple[float, ...]) -> "Path":
        """Return the path through keys of (time, value, value, ...)."""
        table = np.asarray(keys, np.float64)
        return cls(table[:, 0], table[:, 1:])

    def at(self, time_s: float) -> npt.NDArray[np.float64]:
        """Return the values at a time; before the first and after the last key they stand still."""
        return np.array([np.interp(time_s, self.times_s, column) for column in self.values.T])

    def later(self, seconds: float) -> "Path":
        """Return the same path, later."""
        return Path(self.times_s + seconds, self.values)

    def retimed(self, now_s: npt.NDArray[np.float64], then_s: npt.NDArray[np.float64]) -> "Path":
        """Return the path on another time: at `now_s[i]` it is where it was at `then_s[i]`.

        Both are key times of a clock that runs at the usual pace or stands still.
        """
        first, last = (_first_when(now_s, then_s, float(end)) for end in self.times_s[[0, -1]])
        between = now_s[(now_s > first) & (now_s < last)]
        times = np.unique(np.concatenate(([first], between, [last])))
        return Path(times, np.array([self.at(float(np.interp(t, now_s, then_s))) for t in times]))


def _first_when(now_s: npt.NDArray[np.float64], then_s: npt.NDArray[np.float64], then: float) -> float:
    """Return the first moment of `now_s` at which the other time reaches `then`."""
    i = max(1, int(np.searchsorted(then_s, then, side="left")))
    share = (then - then_s[i - 1]) / (then_s[i] - then_s[i - 1])
    return float(now_s[i - 1] + share * (now_s[i] - now_s[i - 1]))


@dataclass(frozen=True, eq=False)
class Actor:
    """A thing in view: `path` is (x mm, y mm, degrees counter-clockwise) from its first to its last key.

    `tray` counts trays from 0; it is -1 for what is none. `seed` decides how the thing looks.
    """

    kind: Literal["tray", "hand", "napkin"]
    path: Path
    seed: int
    tray: int = -1

    @property
    def start_s(self) -> float:
        """When it appears."""
        return float(self.path.times_s[0])

    @property
    def end_s(self) -> float:
        """When it has gone."""
        return float(self.path.times_s[-1])

    def on(self, path: Path) -> "Actor":
        """Return the same thing on another path."""
        return replace(self, path=path)


@dataclass
class Sheet:
    """A scene on its own time from 0.

    `belt` is how far the belt moved (mm), `light` the lamps' gain (blue, green, red). At its start and at its
    end (`length_s`) nothing is in view, so any sheet can follow any other.
    """

    belt: Path = field(default_factory=lambda: Path.through((0, 0)))
    light: Path = field(default_factory=lambda: Path.through((0, 1, 1, 1)))
    actors: list[Actor] = field(default_factory=list)
    length_s: float = 0.0


@dataclass(frozen=True, eq=False)
class Scene:
    """A sheet that has its place on the line's time, from `start_s` until `end_s`."""

    behaviour: Behaviour
    start_s: float
    end_s: float
    actors: tuple[Actor, ...]
    belt: Path
    light: Path
