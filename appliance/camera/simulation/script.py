"""What happens on the line: scenes that follow each other, each a few things moving along key frames.

Positions are millimetres from the centre of the view, x along the belt, y across it (down in the picture).
At the start and the end of every scene nothing is in view, so any scene can follow any other.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from appliance.camera.settings import SimulatorSettings
from appliance.camera.simulation.kinds import TRAYS

Behaviour = Literal[
    "glide", "tailgate", "belt_stop", "set_down", "nudge", "stay", "hand", "napkin", "lamps", "empty"
]
ActorKind = Literal["tray", "hand", "napkin"]

HAND_ENTRY_MM = 200.0
"""How far below the picture's lower edge a hand starts."""


@dataclass(frozen=True, eq=False)
class Path:
    """Values over time, linear between key frames: `times_s` (K,), `values` (K, N)."""

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

    def shifted(self, seconds: float) -> "Path":
        """Return the same path, later."""
        return Path(self.times_s + seconds, self.values)


@dataclass(frozen=True, eq=False)
class Actor:
    """A thing in view: `path` is (x mm, y mm, angle degrees counter-clockwise) from its first to its last key."""

    kind: ActorKind
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


@dataclass(frozen=True, eq=False)
class Scene:
    """A stretch of time: `belt` is how far the belt has moved (mm), `light` the lamps' gain (blue, green, red)."""

    behaviour: Behaviour
    start_s: float
    end_s: float
    actors: tuple[Actor, ...]
    belt: Path
    light: Path


@dataclass
class _Sheet:
    """A scene being written, on its own time from 0."""

    belt: Path = field(default_factory=lambda: Path.through((0, 0)))
    light: Path = field(default_factory=lambda: Path.through((0, 1, 1, 1)))
    actors: list[Actor] = field(default_factory=list)
    length_s: float = 0.0


class Script:
    """Writes scene after scene from a seed; the same settings give the same script."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self._settings = settings
        self._rng = np.random.default_rng([settings.seed, 1])
        self._tray_mm = TRAYS[settings.tray].size_mm
        self._view_mm = (settings.view_mm, settings.view_mm * settings.height / settings.width)
        self._trays = 0
        diagonal_mm = float(np.hypot(*self._tray_mm))
        self._far_mm = self._view_mm[0] / 2 * 1.15 + diagonal_mm / 2 + 20
        longest_mm = diagonal_mm if settings.angle == "any" else max(self._tray_mm) * 1.1
        self._pitch_s = 60.0 / settings.trays_per_minute
        # Fast enough that trays at this pace never have to overlap, and not slower than a belt usually runs.
        self._slowest_mm_s = max(80.0, longest_mm * 1.05 / self._pitch_s)

    def scenes(self) -> Iterator[Scene]:
        """Yield scenes without end, each starting where the one before ended."""
        writers: dict[Behaviour, Callable[[], _Sheet]] = {
            "glide": lambda: self._train(gap=True),
            "tailgate": lambda: self._train(gap=False),
            "belt_stop": self._belt_stop,
            "set_down": self._set_down,
            "nudge": self._nudge,
            "stay": self._stay,
            "hand": self._hand,
            "napkin": self._napkin,
            "lamps": self._lamps,
            "empty": self._empty,
        }
        names = list(writers)
        weights = np.array([getattr(self._settings, name) for name in names], np.float64)
        if weights.sum() <= 0:
            weights = np.array([name == "empty" for name in names], np.float64)
        start_s = 1.0
        belt_mm = 0.0
        yield Scene("empty", 0.0, start_s, (), Path.through((0, 0)), Path.through((0, 1, 1, 1)))
        while True:
            name = names[int(self._rng.choice(len(names), p=weights / weights.sum()))]
            sheet = writers[name]()
            belt = Path(sheet.belt.times_s + start_s, sheet.belt.values + belt_mm)
            actors = tuple(
                Actor(actor.kind, actor.path.shifted(start_s), actor.seed, actor.tray)
                for actor in sheet.actors
            )
            end_s = start_s + sheet.length_s
            yield Scene(name, start_s, end_s, actors, belt, sheet.light.shifted(start_s))
            start_s, belt_mm = end_s, float(belt.values[-1, 0])

    # What every scene needs

    def _uniform(self, low: float, high: float) -> float:
        return float(self._rng.uniform(low, high))

    def _seed(self) -> int:
        return int(self._rng.integers(2**31))

    def _angle_deg(self) -> float:
        return self._uniform(0, 360) if self._settings.angle == "any" else self._uniform(-5, 5)

    def _half_extent_mm(self, angle_deg: float, axis: int) -> float:
        """Return half the width (axis 0) or height (axis 1) of the box around a tray that lies at an angle."""
        turn = np.deg2rad(angle_deg)
        spread = (abs(np.cos(turn)), abs(np.sin(turn)))
        return float(self._tray_mm[0] * spread[axis] + self._tray_mm[1] * spread[1 - axis]) / 2

    def _tray(self, path: Path) -> Actor:
        self._trays += 1
        return Actor("tray", path, self._seed(), self._trays - 1)

    def _place(self, angle_deg: float) -> tuple[float, float]:
        """Return where in the view a tray can lie with at least 8 mm to the picture's edge."""

        def within(axis: int, most: float) -> float:
            room = max(0.0, self._view_mm[axis] / 2 - self._half_extent_mm(angle_deg, axis) - 8)
            return self._uniform(-1, 1) * min(room, most)

        return within(0, 120), within(1, 60)

    # Trays on the moving belt

    def _train(self, *, gap: bool) -> _Sheet:
        """A row of trays at one speed; without `gap` each touches the one before."""
        speed = self._slowest_mm_s * self._uniform(1.0, 1.3)
        count = int(self._rng.integers(6, 15)) if gap else int(self._rng.integers(2, 5))
        sheet = _Sheet()
        behind_mm = 0.0  # where the next tray's front may begin, measured back along the belt
        last_half_mm = last_centre_mm = 0.0
        for i in range(count):
            angle = self._angle_deg()
            half_mm = self._half_extent_mm(angle, 0)
            if i == 0:
                centre_mm = half_mm
            elif gap:
                paced_mm = last_centre_mm + speed * self._pitch_s * self._uniform(0.95, 1.3)
                centre_mm = max(paced_mm, last_centre_mm + last_half_mm + half_mm)
            else:
                centre_mm = behind_mm + half_mm
            behind_mm, last_half_mm, last_centre_mm = centre_mm + half_mm, half_mm, centre_mm
            y = self._place(angle)[1] * 0.3
            start_s = centre_mm / speed
            travel_s = 2 * self._far_mm / speed
            sheet.actors.append(
                self._tray(
                    Path.through(
                        (start_s, -self._far_mm, y, angle), (start_s + travel_s, self._far_mm, y, angle)
                    )
                )
            )
        sheet.length_s = sheet.actors[-1].end_s
        sheet.belt = Path.through((0, 0), (sheet.length_s, sheet.length_s * speed))
        return sheet

    def _belt_stop(self) -> _Sheet:
        """A train whose belt stops once or twice, wherever its trays are, and goes on."""
        train = self._train(gap=bool(self._rng.random() < 0.6))
        stops = sorted(self._uniform(0.1, 0.9) * train.length_s for _ in range(int(self._rng.integers(1, 3))))
        keys = [(0.0, 0.0)]
        late_s = 0.0
        for stop_s in stops:
            keys.append((stop_s + late_s, stop_s))
            late_s += self._uniform(1.0, 12.0)
            keys.append((stop_s + late_s, stop_s))
        keys.append((train.length_s + late_s, train.length_s))
        now_s, then_s = np.asarray(keys).T

        def delayed(path: Path) -> Path:
            inside = now_s[(then_s > path.times_s[0]) & (then_s < path.times_s[-1])]
            ends = now_s[0] + np.array([_when(now_s, then_s, float(t)) for t in path.times_s[[0, -1]]])
            times = np.unique(np.concatenate((ends, inside)))
            values = np.array([path.at(float(np.interp(t, now_s, then_s))) for t in times])
            return Path(times, values)

        actors = [Actor(a.kind, delayed(a.path), a.seed, a.tray) for a in train.actors]
        return _Sheet(delayed(train.belt), train.light, actors, train.length_s + late_s)

    # Trays handled by people

    def _set_down(self) -> _Sheet:
        """One to three trays, each set down by a hand, lying for a while, taken away or carried off."""
        sheet = _Sheet()
        for _ in range(int(self._rng.integers(1, 4))):
            dwell_s = self._uniform(1.0, max(1.5, min(6.0, 2 * self._pitch_s)))
            self._lie(sheet, [(dwell_s, 0.0, 0.0, 0.0)])
            sheet.length_s += self._uniform(0.2, 1.5)
        if self._rng.random() < 0.3:
            self._carry_off(sheet)
        return sheet

    def _nudge(self) -> _Sheet:
        """A lying tray that is pushed and turned a few times."""
        moves = [
            (self._uniform(0.6, 3.0), self._uniform(-70, 70), self._uniform(-40, 40), self._uniform(-25, 25))
            for _ in range(int(self._rng.integers(1, 4)))
        ]
        sheet = _Sheet()
        self._lie(sheet, [(self._uniform(1.0, 3.0), 0.0, 0.0, 0.0), *moves])
        return sheet

    def _stay(self) -> _Sheet:
        """A tray that somebody forgets."""
        sheet = _Sheet()
        self._lie(sheet, [(self._uniform(20, 60), 0.0, 0.0, 0.0)])
        return sheet

    def _lie(self, sheet: _Sheet, stays: list[tuple[float, float, float, float]]) -> None:
        """Add a tray brought and fetched by a hand; `stays` are (seconds, then-shift x, y mm, turn degrees)."""
        angle = self._angle_deg()
        x, y = self._place(angle)
        away_mm = self._view_mm[1] / 2 * 1.15 + float(np.hypot(*self._tray_mm)) / 2 + 20
        reach_s = self._uniform(0.3, 0.6)
        time_s = sheet.length_s
        keys: list[tuple[float, ...]] = [(time_s, x + self._uniform(-60, 60), away_mm, angle)]
        time_s += reach_s
        keys.append((time_s, x, y, angle))
        down_s = time_s
        hand = [(sheet.length_s, keys[0][1], away_mm), (down_s, x, y)]
        hand += [(down_s + 0.15, x, y), (down_s + 0.15 + reach_s, x + 40, y + away_mm)]
        self._hold(sheet, hand)
        for i, (stay_s, dx, dy, turn) in enumerate(stays):
            if i > 0:
                angle = angle + (turn if self._settings.angle == "any" else turn / 5)
                x, y = self._inside(x + dx, y + dy, angle)
                push_s = self._uniform(0.2, 0.6)
                if self._rng.random() < 0.6:
                    self._hold(
                        sheet,
                        [
                            (time_s - 0.4, keys[-1][1], keys[-1][2] + away_mm),
                            (time_s, keys[-1][1], keys[-1][2]),
                            (time_s + push_s, x, y),
                            (time_s + push_s + 0.4, x, y + away_mm),
                        ],
                    )
                time_s += push_s
                keys.append((time_s, x, y, angle))
            time_s += stay_s
            keys.append((time_s, x, y, angle))
        hand = [(time_s - 0.15 - reach_s, x - 30, y + away_mm), (time_s - 0.15, x, y), (time_s, x, y)]
        time_s += reach_s
        keys.append((time_s, x, away_mm, angle))
        self._hold(sheet, [*hand, (time_s, x, away_mm)])
        sheet.actors.insert(0, self._tray(Path.through(*keys)))
        sheet.length_s = max(time_s, *(actor.end_s for actor in sheet.actors))

    def _inside(self, x: float, y: float, angle_deg: float) -> tuple[float, float]:
        def within(value: float, axis: int) -> float:
            room = max(0.0, self._view_mm[axis] / 2 - self._half_extent_mm(angle_deg, axis) - 8)
            return min(room, max(-room, value))

        return within(x, 0), within(y, 1)

    def _hold(self, sheet: _Sheet, keys: list[tuple[float, float, float]]) -> None:
        """Add a hand that holds the lower edge of what is at the given places."""
        grip_mm = self._tray_mm[1] / 2 + 10
        path = Path.through(*((max(0.0, t), x, y + grip_mm, 0.0) for t, x, y in keys))
        sheet.actors.append(Actor("hand", path, self._seed()))

    def _carry_off(self, sheet: _Sheet) -> None:
        """Let the belt start and carry away one more tray that was set down."""
        before = len(sheet.actors)
        self._lie(sheet, [(self._uniform(1.0, 3.0), 0.0, 0.0, 0.0)])
        tray = sheet.actors.pop(0)
        sheet.actors.pop()  # nobody fetches it
        keys = np.column_stack((tray.path.times_s, tray.path.values))[:-1]
        start_s, x, y, angle = keys[-1]
        speed = self._slowest_mm_s
        end_s = start_s + (self._far_mm - x) / speed
        leaving = Path.through(*map(tuple, keys), (end_s, self._far_mm, y, angle))
        sheet.actors.insert(0, Actor("tray", leaving, tray.seed, tray.tray))
        del before
        sheet.length_s = max(actor.end_s for actor in sheet.actors)
        sheet.belt = Path.through((0, 0), (start_s, 0), (sheet.length_s, (sheet.length_s - start_s) * speed))

    # No trays

    def _hand(self) -> _Sheet:
        """Hands that reach into the view and leave."""
        sheet = _Sheet()
        for _ in range(int(self._rng.integers(1, 4))):
            reach_s = self._uniform(0.3, 1.0)
            x, y = self._uniform(-200, 200), self._uniform(-250, 100)
            start_s = sheet.length_s
            out_mm = self._view_mm[1]
            stay_s = self._uniform(0.0, 2.0)
            self._hold(
                sheet,
                [
                    (start_s, x, out_mm),
                    (start_s + reach_s, x, y),
                    (start_s + reach_s + stay_s, x + self._uniform(-80, 80), y),
                    (start_s + 2 * reach_s + stay_s, x, out_mm),
                ],
            )
            sheet.length_s = sheet.actors[-1].end_s + self._uniform(0, 0.8)
        return sheet

    def _napkin(self) -> _Sheet:
        """Napkins that drift by on the belt, turning a little."""
        sheet = _Sheet()
        speed = self._slowest_mm_s * self._uniform(0.8, 1.3)
        start_s = 0.0
        for _ in range(int(self._rng.integers(1, 4))):
            y, angle = self._uniform(-180, 180), self._uniform(0, 360)
            end_s = start_s + 2 * self._far_mm / speed
            path = Path.through(
                (start_s, -self._far_mm, y, angle), (end_s, self._far_mm, y, angle + self._uniform(-20, 20))
            )
            sheet.actors.append(Actor("napkin", path, self._seed()))
            start_s += self._uniform(0.5, 2.5)
        sheet.length_s = max(actor.end_s for actor in sheet.actors)
        sheet.belt = Path.through((0, 0), (sheet.length_s, sheet.length_s * speed))
        return sheet

    def _lamps(self) -> _Sheet:
        """Lamps that change for some seconds, over an empty belt or over a lying tray."""
        sheet = _Sheet()
        if self._rng.random() < 0.5:
            self._lie(sheet, [(self._uniform(5, 9), 0.0, 0.0, 0.0)])
        sheet.length_s = max(sheet.length_s, self._uniform(5, 9))
        off_s = self._uniform(1.5, sheet.length_s / 2)
        on_s = self._uniform(off_s + 0.5, sheet.length_s - 0.5)
        gain = self._uniform(0.45, 1.25)
        warmth = self._uniform(-0.1, 0.1)
        other = (gain * (1 - warmth), gain, gain * (1 + warmth))
        switch_s = self._uniform(0.01, 0.3)
        sheet.light = Path.through(
            (0, 1, 1, 1),
            (off_s, 1, 1, 1),
            (off_s + switch_s, *other),
            (on_s, *other),
            (on_s + switch_s, 1, 1, 1),
        )
        return sheet

    def _empty(self) -> _Sheet:
        """Nothing, on a belt that stands or runs."""
        length_s = self._uniform(3, 12)
        distance_mm = length_s * self._slowest_mm_s * float(self._rng.random() < 0.5)
        return _Sheet(Path.through((0, 0), (length_s, distance_mm)), length_s=length_s)


def _when(now_s: npt.NDArray[np.float64], then_s: npt.NDArray[np.float64], then: float) -> float:
    """Return the first moment at which the delayed time reaches `then`."""
    i = int(np.searchsorted(then_s, then, side="left"))
    if i == 0:
        return float(now_s[0])
    span = then_s[i] - then_s[i - 1]
    return float(now_s[i - 1] + (now_s[i] - now_s[i - 1]) * (then - then_s[i - 1]) / span)
