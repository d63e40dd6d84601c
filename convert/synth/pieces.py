"""Pieces of food: small height fields with colours, by shape."""

from dataclasses import dataclass

import cv2
import numpy as np

from convert.synth.grid import Colours, Field, Mask
from convert.synth.noise import Rng, choose, linear, smooth_noise, tinted, uniform

Span = tuple[float, float]


@dataclass(frozen=True)
class Style:
    """How one sort of pieces looks; lengths in mm. `colours` are sRGB codes, the first the most frequent.

    `shape`: box, strip, strand, leaf, blob, ball, slab, wedge, floret. `gradient`: the colour runs along the
    piece from one of the colours to another. `flecks` are colours of grains that stick to it.
    """

    shape: str
    length: Span
    width: Span
    thickness: Span
    colours: tuple[str, ...]
    roughness: float = 0.4
    soft: bool = True
    gradient: bool = False
    flecks: tuple[str, ...] = ()
    mottle: float = 0.12
    bend: float = 0.2


@dataclass(frozen=True, eq=False)
class Piece:
    """A piece: `height` above where it rests (0 outside the piece), its colours and fine relief."""

    height: Field
    albedo: Colours
    bump: Field


def draw_piece(rng: Rng, style: Style) -> Piece:
    """Return a random piece of the style, turned by any angle."""
    length, width, thick = (uniform(rng, span) for span in (style.length, style.width, style.thickness))
    half = int(np.ceil(np.hypot(length, width) / 2)) + 3
    side = np.arange(-half, half + 1, dtype=np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    along = np.cos(angle) * side[None] + np.sin(angle) * side[:, None]
    across = -np.sin(angle) * side[None] + np.cos(angle) * side[:, None]
    height = _SHAPES[style.shape](rng, style, along, across, (length, width, thick))
    height = np.maximum(height, 0).astype(np.float32)
    albedo = _colours(rng, style, along / length + 0.5, height.shape)
    bump = (smooth_noise(rng, height.shape, 5, 2) * 0.25 * min(thick, 4) / 4).astype(np.float32)
    return Piece(height, albedo, bump)


def _colours(rng: Rng, style: Style, along: Field, shape: tuple[int, int]) -> Colours:
    palette = [tinted(rng, linear(code), 0.1) for code in style.colours]
    weights = [0.5**i for i in range(len(palette))]
    pick = [palette[int(choose(rng, [str(i) for i in range(len(palette))], weights))] for _ in range(2)]
    if style.gradient:
        mix = np.clip(along + 0.15 * smooth_noise(rng, shape, 12, 2), 0, 1)[..., None]
        albedo = pick[0] * (1 - mix) + pick[1] * mix
    else:
        albedo = np.broadcast_to(pick[0], (*shape, 3)).copy()
    albedo = albedo * np.exp(style.mottle * smooth_noise(rng, shape, 7, 3))[..., None]
    for code in style.flecks:
        specks = smooth_noise(rng, shape, 3, 1) > rng.uniform(1.3, 2.2)
        albedo[specks] = tinted(rng, linear(code), 0.15)
    return np.asarray(np.clip(albedo, 0.002, 0.95), np.float32)


Sizes = tuple[float, float, float]


def _box(rng: Rng, _: Style, along: Field, across: Field, sizes: Sizes) -> Field:
    length, width, thick = sizes
    edge = np.minimum(length / 2 - np.abs(along), width / 2 - np.abs(across))
    tilt = rng.normal(0, 0.08) * along + rng.normal(0, 0.08) * across
    return np.where(edge > 0, (thick + tilt) * np.sqrt(np.clip(edge / 2.0, 0, 1)), 0)


def _strip(rng: Rng, style: Style, along: Field, across: Field, sizes: Sizes) -> Field:
    length, width, thick = sizes
    waves = rng.uniform(0.4, 1.3)
    bent = across - style.bend * width * 1.5 * np.sin(
        along / length * np.pi * 2 * waves + rng.uniform(0, 6.3)
    )
    inside = 1 - np.abs(bent / (width / 2)) ** 2.5
    ends = np.clip((length / 2 - np.abs(along)) / 1.5, 0, 1)
    curl = thick * 0.7 * np.sin(along / length * 2 * np.pi * rng.uniform(0.5, 2) + rng.uniform(0, 6.3))
    body = np.sqrt(np.clip(inside, 0, 1)) * ends
    return np.where(body > 0, body * (thick + np.maximum(curl, -0.6 * thick)), 0)


def _strand(rng: Rng, style: Style, along: Field, across: Field, sizes: Sizes) -> Field:
    length, width, thick = sizes
    phase, waves = rng.uniform(0, 6.3), rng.uniform(0.5, 1.2)
    bent = across - style.bend * length * 0.5 * np.sin(along / length * 2 * np.pi * waves + phase)
    body = np.sqrt(np.clip(1 - (bent / (width / 2 + 0.3)) ** 2, 0, 1)) * (np.abs(along) < length / 2)
    return np.asarray(body * thick, np.float32)


def _leaf(rng: Rng, _: Style, along: Field, across: Field, sizes: Sizes) -> Field:
    length, width, thick = sizes
    t = np.clip(along / length + 0.5, 0, 1)
    half = width / 2 * np.sin(np.pi * t) ** 0.6 * (1 + 0.3 * smooth_noise(rng, along.shape, 12, 2))
    body = (np.abs(across) < half) & (np.abs(along) < length / 2)
    crinkle = 1 + 0.6 * smooth_noise(rng, along.shape, 8, 2)
    return np.where(body, thick * np.clip(crinkle, 0.25, 2.5), 0)


def _blob(rng: Rng, _: Style, along: Field, across: Field, sizes: Sizes) -> Field:
    length, width, thick = sizes
    radius = np.hypot(along / length, across / width) * 2
    radius = radius + 0.16 * smooth_noise(rng, along.shape, max(length / 2, 4), 3)
    return np.asarray(thick * np.clip(1 - radius**3, 0, 1) ** 0.5, np.float32)


def _ball(_: Rng, __: Style, along: Field, across: Field, sizes: Sizes) -> Field:
    length, width, thick = sizes
    radius2 = (along / (length / 2)) ** 2 + (across / (width / 2)) ** 2
    return np.where(radius2 < 1, thick / 2 * (1 + np.sqrt(np.clip(1 - radius2, 0, 1))), 0)


def _slab(rng: Rng, _: Style, along: Field, across: Field, sizes: Sizes) -> Field:
    length, width, thick = sizes
    radius = (np.abs(along / (length / 2)) ** 2.6 + np.abs(across / (width / 2)) ** 2.6) ** (1 / 2.6)
    radius = radius + 0.07 * smooth_noise(rng, along.shape, length / 3, 2)
    crust = 0.5 * smooth_noise(rng, along.shape, 5, 2) + 0.08 * thick * smooth_noise(rng, along.shape, 30, 1)
    return np.where(radius < 1, (thick + crust) * np.clip((1 - radius) * 5, 0, 1) ** 0.5, 0)


def _wedge(_: Rng, __: Style, along: Field, across: Field, sizes: Sizes) -> Field:
    length, width, thick = sizes
    inside = (np.hypot(along / (length / 2), across / width) < 1) & (across > 0)
    return np.where(inside, thick * (1 - 0.75 * across / width) + 1.5, 0)


def _floret(rng: Rng, _: Style, along: Field, across: Field, sizes: Sizes) -> Field:
    length, width, thick = sizes
    radius = np.hypot(along / length, across / width) * 2 + 0.12 * smooth_noise(
        rng, along.shape, length / 3, 2
    )
    crown = thick * np.clip(1 - radius**2, 0, 1) ** 0.5
    return np.asarray(
        crown * np.clip(1 + 0.22 * smooth_noise(rng, along.shape, 3.5, 2), 0.4, 1.6), np.float32
    )


_SHAPES = {
    "box": _box,
    "strip": _strip,
    "strand": _strand,
    "leaf": _leaf,
    "blob": _blob,
    "ball": _ball,
    "slab": _slab,
    "wedge": _wedge,
    "floret": _floret,
}


def cut(rng: Rng, piece: Piece, keep: float) -> Piece:
    """Return a bitten piece of which about `keep` (0..1) of the volume is left."""
    rows, columns = piece.height.shape
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32) - np.float32(rows // 2)
    front = np.cos(angle) * x + np.sin(angle) * y + 2.0 * smooth_noise(rng, (rows, columns), 10, 2)
    order = np.argsort(front, axis=None)
    taken = np.cumsum(piece.height.ravel()[order])
    place = min(int(np.searchsorted(taken, keep * taken[-1])), len(order) - 1)
    limit = front.ravel()[order[place]]
    return Piece(np.where(front <= limit, piece.height, 0).astype(np.float32), piece.albedo, piece.bump)


def resting(surface: Field, piece: Piece, *, soft: bool) -> Field:
    """Return the height of the piece's top where it comes to rest on `surface`; -inf outside the piece."""
    covered = piece.height > 0
    weight = covered.astype(np.float32)
    if soft:
        spread = 7
        total = cv2.blur(weight, (spread, spread))
        near = cv2.blur(surface * weight, (spread, spread)) / np.maximum(total, 1e-6)
        base = np.asarray(np.maximum(near, surface - 0.3 * piece.height.max()), np.float32)
    else:
        base = _plane(surface, covered)
    return np.where(covered, base + piece.height, -np.inf).astype(np.float32)


def _plane(surface: Field, covered: Mask) -> Field:
    rows, columns = np.nonzero(covered)
    values = surface[rows, columns]
    if len(rows) < 3:
        return surface
    y, x = rows - rows.mean(), columns - columns.mean()
    slope_x = np.clip((x * values).sum() / max((x * x).sum(), 1e-6), -0.6, 0.6)
    slope_y = np.clip((y * values).sum() / max((y * y).sum(), 1e-6), -0.6, 0.6)
    flat = values - slope_x * x - slope_y * y
    base = np.quantile(flat, 0.7)
    y_all, x_all = np.mgrid[0 : surface.shape[0], 0 : surface.shape[1]]
    plane = base + slope_x * (x_all - columns.mean()) + slope_y * (y_all - rows.mean())
    return np.asarray(plane, np.float32)
