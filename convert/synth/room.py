"""The canteen above the tray: lamps on a ceiling, walls, the camera's own housing.

The room's frame has its origin on the counter below the camera, x to the right and y down as the camera sees
them, heights upwards, in mm. Radiance is relative: a white sheet in good light has about 1.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from convert.synth.grid import Colours, Field
from convert.synth.noise import Rng, choose, smooth_noise, uniform

_SIDE = 192
REACH_MM = 4200.0
"""The ceiling's picture covers this far to each side."""

_BLURS_MM = (0.0, 60.0, 160.0, 380.0, 900.0, 2000.0)
_AZIMUTHS = 64
_FOLD = 1024
Double = npt.NDArray[np.floating]
_BRIGHTEST = 120.0
_MOST_LAMPS = 7


@dataclass(frozen=True, eq=False)
class Lamp:
    """A lamp for diffuse light: position in mm and the irradiance it gives a level cell at the origin."""

    position_mm: tuple[float, float, float]
    irradiance: Colours
    softness: float
    """Tangent of the half angle under which it is seen: how soft its shadows are."""


@dataclass(frozen=True, eq=False)
class Room:
    """Light from above. `ceiling` holds the radiance, (levels, side, side, 3), ever more blurred."""

    ceiling_mm: float
    ceiling: Colours
    walls: Colours
    """Radiance by azimuth, (64, 3)."""
    lamps: tuple[Lamp, ...]
    ambient: Colours
    """Irradiance from everything but lamps, (3,)."""
    housing_mm: tuple[float, float]
    """Half sides of the appliance's dark underside at the camera's height."""

    def radiance(
        self, position: tuple[Field, Field], direction: tuple[Field, Field, Field], rough: Field
    ) -> Colours:
        """Return what is seen along directions (unit vectors, z up) from positions (x, y; flat arrays)."""
        dx, dy, dz = direction
        up = np.maximum(dz, 0.05)
        reach = self.ceiling_mm / up
        scale = _SIDE / (2 * REACH_MM)
        u, v = (
            np.asarray((p + d * reach + REACH_MM) * scale - 0.5)
            for p, d in ((position[0], dx), (position[1], dy))
        )
        spread = np.tan(np.clip(rough, 0, 0.75)) * self.ceiling_mm * 1.3
        level = np.interp(spread, _BLURS_MM, np.arange(len(_BLURS_MM))).astype(np.float32)
        above = _trilinear(self.ceiling, u, v, level)
        azimuth = (np.arctan2(dy, dx) / (2 * np.pi) % 1 * _AZIMUTHS).astype(int) % _AZIMUTHS
        wall = self.walls[azimuth] * (0.55 + 0.45 * np.clip(dz, 0, 1))[:, None]
        outside = np.maximum(np.abs(u - _SIDE / 2), np.abs(v - _SIDE / 2)) / (_SIDE / 2)
        blend = np.clip((outside - 0.85) / 0.15, 0, 1)[:, None]
        return np.asarray(above * (1 - blend) + wall * blend, np.float32)


def _trilinear(levels: Colours, u: Double, v: Double, level: Field) -> Colours:
    """Sample between pixels and between levels; flat arrays."""
    count = len(levels)
    lower = np.clip(level.astype(np.int32), 0, count - 2)
    share = np.clip(level - lower, 0, 1)[:, None]
    # OpenCV's remap takes no long rows, hence the folding; the levels lie below each other in one picture.
    atlas = levels.reshape(count * _SIDE, _SIDE, 3)
    u, v = np.clip(u, 0, _SIDE - 1), np.clip(v, 0, _SIDE - 1)
    size = len(u)
    folded = np.zeros((-(-size // _FOLD), _FOLD), np.float32)

    def fold(values: Double) -> Field:
        out = folded.copy()
        out.ravel()[:size] = values
        return out

    columns = fold(u)
    below, above = (
        cv2.remap(atlas, columns, fold(v + which * _SIDE), cv2.INTER_LINEAR).reshape(-1, 3)[:size]
        for which in (lower, lower + 1)
    )
    return np.asarray(below * (1 - share) + above * share, np.float32)


def black_body(kelvin: float) -> Colours:
    """Return a lamp's linear colour of mean 1, approximately (fit to Planck's law in sRGB primaries)."""
    t = kelvin / 100
    red = 255.0 if t <= 66 else 329.7 * (t - 60) ** -0.1332
    green = 99.47 * np.log(t) - 161.12 if t <= 66 else 288.12 * (t - 60) ** -0.0755
    blue = 255.0 if t >= 66 else 138.52 * np.log(max(t - 10, 1.01)) - 305.04
    srgb = np.clip([red, green, blue], 1, 255) / 255
    colour = srgb**2.2
    return np.asarray(colour / colour.mean(), np.float32)


def draw_room(rng: Rng) -> Room:
    """Return a random room."""
    height = uniform(rng, (1100, 2300))
    kelvin = float(rng.choice([2900, 3500, 4000, 4500, 5200, 6200], p=[0.1, 0.2, 0.25, 0.2, 0.15, 0.1]))
    tint = black_body(kelvin * rng.uniform(0.95, 1.05))
    base = uniform(rng, (0.12, 0.5))
    noise = np.exp(0.25 * smooth_noise(rng, (_SIDE, _SIDE), 60, 3))[..., None]
    picture = (base * tint * noise).astype(np.float32)
    lit = np.zeros((_SIDE, _SIDE), np.float32)
    _PATTERNS[choose(rng, tuple(_PATTERNS), (0.3, 0.32, 0.18, 0.2))](rng, lit)
    strength = uniform(rng, (0.9, 2.2))
    lamps, seen = _lamps(lit, strength * tint, height)
    picture += lit[..., None] * tint * np.float32(min(strength / max(seen, 1e-4), _BRIGHTEST))
    if rng.random() < 0.3:
        _beams(rng, picture)
    walls = _walls(rng, tint, base)
    levels = [picture, *(_blurred(picture, sigma) for sigma in _BLURS_MM[1:])]
    ambient = tint * base * np.pi * uniform(rng, (0.55, 1.1)) * 0.32 + walls.mean(axis=0) * 0.5
    housing = uniform(rng, (30, 90)), uniform(rng, (30, 90))
    return Room(height, np.stack(levels), walls, lamps, ambient.astype(np.float32), housing)


def _blurred(picture: Colours, sigma_mm: float) -> Colours:
    sigma = sigma_mm * _SIDE / (2 * REACH_MM)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.float32)


def _px(mm: float) -> float:
    return mm * _SIDE / (2 * REACH_MM)


def _rectangle(lit: Field, centre: tuple[float, float], size: tuple[float, float], angle: float) -> None:
    box = (centre, size, float(np.degrees(angle)))
    corners = (cv2.boxPoints(box) * 16).astype(np.int32)
    cv2.fillConvexPoly(lit, corners, 1.0, cv2.LINE_AA, 4)


def _panels(rng: Rng, lit: Field) -> None:
    side = _px(float(rng.choice([450, 595, 1195])))
    other = side if rng.random() < 0.7 else _px(295)
    _grid_of(rng, lit, (side, other), uniform(rng, (1.7, 3.5)) * side)


def _tubes(rng: Rng, lit: Field) -> None:
    length, width = _px(float(rng.choice([1200, 1500]))), max(_px(uniform(rng, (50, 160))), 1.3)
    _grid_of(rng, lit, (length, width), uniform(rng, (1.15, 1.8)) * length)


def _downlights(rng: Rng, lit: Field) -> None:
    radius = _px(uniform(rng, (70, 160)))
    _grid_of(rng, lit, (2 * radius, 2 * radius), _px(uniform(rng, (700, 1600))), disc=True)


def _own_light(rng: Rng, lit: Field) -> None:
    """Return one or two bars beside the camera, and little else."""
    offset = _px(uniform(rng, (250, 900)))
    size = _px(uniform(rng, (500, 1300))), _px(uniform(rng, (80, 260)))
    angle = uniform(rng, (-0.2, 0.2))
    for side in (-1, 1) if rng.random() < 0.6 else (1,):
        _rectangle(lit, (_SIDE / 2, _SIDE / 2 + side * offset), size, angle)


def _grid_of(rng: Rng, lit: Field, size: tuple[float, float], pitch: float, *, disc: bool = False) -> None:
    angle, start = uniform(rng, (0, np.pi)), rng.uniform(-0.5, 0.5, 2) * pitch
    across = pitch * uniform(rng, (0.8, 1.5))
    dead = uniform(rng, (0, 0.3))
    for i in range(-9, 10):
        for j in range(-9, 10):
            u, v = i * pitch + start[0], j * across + start[1]
            x = _SIDE / 2 + np.cos(angle) * u - np.sin(angle) * v
            y = _SIDE / 2 + np.sin(angle) * u + np.cos(angle) * v
            if not (0 < x < _SIDE and 0 < y < _SIDE) or rng.random() < dead:
                continue
            if disc:
                cv2.circle(lit, (int(x * 16), int(y * 16)), int(size[0] * 8), 1.0, -1, cv2.LINE_AA, 4)
            else:
                _rectangle(lit, (float(x), float(y)), size, angle)


_PATTERNS = {"panels": _panels, "tubes": _tubes, "downlights": _downlights, "own": _own_light}


def _beams(rng: Rng, picture: Colours) -> None:
    """Darken stripes: beams, ducts, grilles, a dark ceiling's gaps."""
    angle, pitch = uniform(rng, (0, np.pi)), _px(uniform(rng, (400, 1500)))
    y, x = np.mgrid[0:_SIDE, 0:_SIDE]
    wave = np.cos((np.cos(angle) * x + np.sin(angle) * y) * 2 * np.pi / pitch)
    picture *= np.where(wave > uniform(rng, (0.3, 0.9)), uniform(rng, (0.2, 0.7)), 1.0)[..., None]


def _walls(rng: Rng, tint: Colours, base: float) -> Colours:
    level = np.exp(0.5 * smooth_noise(rng, (1, _AZIMUTHS), 16, 3)[0])[:, None] * base * rng.uniform(0.3, 1.1)
    walls = (level * tint * np.exp(rng.normal(0, 0.12, 3))).astype(np.float32)
    if rng.random() < 0.4:
        window = np.exp(-(((np.arange(_AZIMUTHS) - rng.integers(_AZIMUTHS) + 32) % 64 - 32) ** 2) / 18)
        walls += (window[:, None] * black_body(6800) * rng.uniform(0.8, 3.5)).astype(np.float32)
    return np.asarray(walls, np.float32)


def _lamps(lit: Field, irradiance: Colours, height: float) -> tuple[tuple[Lamp, ...], float]:
    """Gather the lit ceiling into a few lamps that together give a level cell `irradiance`.

    Also returns the lamps' form factor: the irradiance (over pi) of lamps of radiance 1.
    """
    count, labels, _, centres = cv2.connectedComponentsWithStats((lit > 0.3).astype(np.uint8))
    found = []
    for number in range(1, count):
        area = float(lit[labels == number].sum()) / _px(1) ** 2
        x, y = ((c + 0.5) / _px(1) - REACH_MM for c in centres[number])
        distance2 = x * x + y * y + height * height
        factor = area * height * height / distance2**2 / np.pi
        found.append((factor, x, y, np.sqrt(area / np.pi / distance2)))
    found.sort(reverse=True)
    total = sum(factor for factor, *_ in found)
    kept = found[:_MOST_LAMPS]
    share = sum(factor for factor, *_ in kept) or 1.0
    lamps = tuple(
        Lamp((x, y, height), (irradiance * factor / share).astype(np.float32), max(0.04, float(soft)))
        for factor, x, y, soft in kept
    )
    return lamps, total
