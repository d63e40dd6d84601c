"""What every scene draws on: the line's random numbers, its sizes, and the count of its trays."""

import numpy as np

from appliance.camera.settings import SimulatorSettings
from appliance.camera.simulation.kinds import TRAYS
from appliance.camera.simulation.motion import Actor, Path

_CLEARANCE_MM = 20.0
_EDGE_MM = 8.0
"""What lies in view keeps this distance from the picture's edge."""


class Stage:
    """The random numbers and the geometry of one line; scenes are written with it one after the other."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self.rng = np.random.default_rng([settings.seed, 1])
        self.view_mm = (settings.view_mm, settings.view_mm * settings.height / settings.width)
        self.tray_mm = TRAYS[settings.tray].size_mm
        self.any_angle = settings.angle == "any"
        diagonal_mm = float(np.hypot(*self.tray_mm))
        # A tilted camera sees farther on one side, hence the allowance.
        self.outside_mm = tuple(side / 2 * 1.15 + diagonal_mm / 2 + _CLEARANCE_MM for side in self.view_mm)
        longest_mm = diagonal_mm if self.any_angle else max(self.tray_mm) * 1.1
        self.pitch_s = 60.0 / settings.trays_per_minute
        # Fast enough that trays at this pace never overlap, and not slower than a belt usually runs.
        self.speed_mm_s = max(80.0, longest_mm * 1.05 / self.pitch_s)
        self._trays = 0

    def uniform(self, low: float, high: float) -> float:
        """Draw a number."""
        return float(self.rng.uniform(low, high))

    def chance(self, share: float) -> bool:
        """Draw whether something happens."""
        return bool(self.rng.random() < share)

    def count(self, low: int, high: int) -> int:
        """Draw a whole number, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def seed(self) -> int:
        """Draw the looks of a thing."""
        return int(self.rng.integers(2**31))

    def angle_deg(self) -> float:
        """Draw how a tray lies."""
        return self.uniform(0, 360) if self.any_angle else self.uniform(-5, 5)

    def tray(self, path: Path) -> Actor:
        """Return the next tray."""
        self._trays += 1
        return Actor("tray", path, self.seed(), self._trays - 1)

    def half_extent_mm(self, angle_deg: float, axis: int) -> float:
        """Return half the width (axis 0) or height (axis 1) of the box around a tray lying at an angle."""
        turn = np.deg2rad(angle_deg)
        spread = (abs(np.cos(turn)), abs(np.sin(turn)))
        return float(self.tray_mm[0] * spread[axis] + self.tray_mm[1] * spread[1 - axis]) / 2

    def place(self, angle_deg: float) -> tuple[float, float]:
        """Draw where in the view a whole tray lies."""
        return self.within(self.uniform(-120, 120), self.uniform(-60, 60), angle_deg)

    def within(self, x: float, y: float, angle_deg: float) -> tuple[float, float]:
        """Return the nearest place at which a tray that lies at an angle is whole in view."""

        def limited(value: float, axis: int) -> float:
            room = max(0.0, self.view_mm[axis] / 2 - self.half_extent_mm(angle_deg, axis) - _EDGE_MM)
            return min(room, max(-room, value))

        return limited(x, 0), limited(y, 1)
