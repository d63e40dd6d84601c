"""Trays as height fields: tapered wells with rounded corners, a deck, a rolled rim."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from convert.synth.grid import CELL_MM, Colours, Field, Grid, Mask
from convert.synth.layouts import Shape, draw_shapes
from convert.synth.noise import Rng, choose, linear, smooth_noise, smoothstep, tinted, uniform

Points = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Finish:
    """A tray's material: reflectance per channel, how metallic, rough and streaky (deviation of slopes)."""

    name: str
    colour: Colours
    metal: float
    roughness: float
    streaks: float
    streak_angle: float
    waviness: float
    lip: Colours | None
    """Colour of a rolled lip of other make (a dull, dark one on some steel trays)."""


@dataclass(frozen=True, eq=False)
class Well:
    """A well: `inside` is the signed distance in mm to its opening (positive inside), on the grid."""

    id: int
    role: str
    depth_mm: float
    taper_mm: float
    inside: Field
    opening_mm: Points
    floor_mm: Points

    @property
    def mask(self) -> Mask:
        """Return the cells inside the opening."""
        opening: Mask = self.inside > 0
        return opening


@dataclass(frozen=True, eq=False)
class Tray:
    """A tray on its counter: `height` is its surface, 0 on the deck; `inside` the distance to its edge."""

    size_mm: tuple[float, float]
    corner_mm: float
    round: bool
    grid: Grid
    wells: tuple[Well, ...]
    height: Field
    inside: Field
    index: npt.NDArray[np.uint8]
    """Well id per cell, 0 elsewhere."""
    counter_mm: float
    rim_mm: float
    finish: Finish

    @property
    def outline_mm(self) -> Points:
        """Return the tray's outline, (N, 2)."""
        return outline(self.inside, self.grid, 0.0)


def draw_tray(rng: Rng) -> Tray:
    """Return a random tray."""
    shape = draw_shapes(rng)
    grid = Grid.around(*shape.size_mm)
    depth = uniform(rng, (17, 32)) if not shape.round else uniform(rng, (15, 25))
    wells = tuple(_well(rng, shape, grid, number, depth) for number in range(len(shape.wells)))
    inside = shape.edge(grid)
    rim = uniform(rng, (1.5, 6))
    height = _deck_and_rim(rng, inside, rim)
    index = np.zeros(height.shape, np.uint8)
    for well in wells:
        height += _profile(well.inside, well.depth_mm, well.taper_mm)
        index[well.mask] = well.id
    floor_waves = smooth_noise(rng, height.shape, 90, 2) * uniform(rng, (0.05, 0.3))
    counter = -(max(w.depth_mm for w in wells) + uniform(rng, (0.5, 3)))
    height = cv2.GaussianBlur(height, (0, 0), 0.8) + floor_waves
    # The lip falls over some cells: a cliff of one cell would show its stairs.
    above = smoothstep(-2.6, 0.4, inside)
    height = (counter + above * (height - counter)).astype(np.float32)
    finish = draw_finish(rng)
    return Tray(
        shape.size_mm, shape.corner_mm, shape.round, grid, wells, height, inside, index, counter, rim, finish
    )


def _well(rng: Rng, shape: Shape, grid: Grid, number: int, depth: float) -> Well:
    role, distance = shape.wells[number]
    inside = distance(grid)
    widest = float(inside.max())
    own = depth * (uniform(rng, (0.85, 1.0)) if role == "side" else 1.0)
    taper = min(uniform(rng, (10, 30)), 0.62 * widest)
    own = min(own, taper * 3.2)
    return Well(
        number + 1, role, own, taper, inside, outline(inside, grid, 0.0), outline(inside, grid, taper)
    )


def _profile(inside: Field, depth: float, taper: float) -> Field:
    """Return a well's depth: a rounded shoulder, a straight wall, a rounded foot, a flat floor."""
    shoulder, foot = 0.22, 0.30
    t = np.clip(inside / taper, 0, 1)
    straight = 1 / (1 - (shoulder + foot) / 2)
    falling = np.where(
        t < shoulder,
        straight * t * t / (2 * shoulder),
        np.where(
            t < 1 - foot,
            straight * (t - shoulder / 2),
            1 - straight * (1 - t) ** 2 / (2 * foot),
        ),
    )
    return np.asarray(-depth * falling, np.float32)


def _deck_and_rim(rng: Rng, inside: Field, rim: float) -> Field:
    """Return the lip, a step beside it and sometimes a bead, around a flat deck."""
    lip = uniform(rng, (4, 8))
    ramp = uniform(rng, (1.5, 5))
    across = np.clip(inside / lip, 0, 1)
    rolled = rim * (0.55 + 0.45 * np.sqrt(np.clip(1 - (2 * across - 1) ** 2, 0, 1)))
    falling = 0.55 * rim * np.clip(1 - (inside - lip) / ramp, 0, 1)
    height = np.where(inside < lip, rolled, falling)
    if rng.random() < 0.6:
        bead = uniform(rng, (0.5, 1.4))
        height = height + bead * np.exp(-(((inside - lip - ramp - 3) / 1.4) ** 2))
    return np.asarray(height, np.float32)


def outline(inside: Field, grid: Grid, level: float) -> Points:
    """Return the longest contour where the signed distance is `level`, (N, 2) mm; empty if there is none."""
    big = cv2.resize(inside, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    found, _ = cv2.findContours((big > level).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not found:
        return np.zeros((0, 2))
    longest = cv2.approxPolyDP(max(found, key=cv2.contourArea), 0.7, closed=True).reshape(-1, 2)
    centre = np.array([grid.columns - 1, grid.rows - 1]) / 2
    return np.asarray(((longest - 0.5) / 2 - centre) * CELL_MM, np.float64)


_PLASTICS = (
    "#f2efe6",
    "#e9e2cc",
    "#d9dcdc",
    "#bfc8cc",
    "#e6c3c3",
    "#b4d3b2",
    "#9fc3dd",
    "#e08a3c",
    "#c0606c",
    "#5b6a78",
)


def draw_finish(rng: Rng) -> Finish:
    """Return a random material: mostly steel, brushed to mirror-like, else plastic."""
    name = choose(rng, ("mirror", "satin", "brushed", "worn", "plastic"), (0.24, 0.3, 0.18, 0.12, 0.16))
    angle = uniform(rng, (0, np.pi))
    if name == "plastic":
        colour = tinted(rng, linear(choose(rng, _PLASTICS)), 0.06)
        return Finish(name, colour, 0.0, uniform(rng, (0.1, 0.35)), 0.0, angle, uniform(rng, (0, 0.01)), None)
    roughness = {"mirror": (0.02, 0.07), "satin": (0.08, 0.17), "brushed": (0.12, 0.25), "worn": (0.15, 0.3)}[
        name
    ]
    streaks = {
        "mirror": (0.0, 0.003),
        "satin": (0.0, 0.012),
        "brushed": (0.01, 0.035),
        "worn": (0.005, 0.02),
    }[name]
    grey = uniform(rng, (0.50, 0.66))
    colour = (grey * np.array([1.0, rng.uniform(0.975, 0.995), rng.uniform(0.93, 0.985)])).astype(np.float32)
    lip = tinted(rng, linear("#3b3733"), 0.2) if rng.random() < 0.15 else None
    return Finish(
        name,
        colour,
        1.0,
        uniform(rng, roughness),
        uniform(rng, streaks),
        angle,
        uniform(rng, (0.003, 0.02)),
        lip,
    )
