"""What is left in a well that counts as empty: films, dried rings, starch, drops, single grains, crumbs."""

from dataclasses import replace

import numpy as np

from convert.synth import scene as layers
from convert.synth.grains import grain
from convert.synth.grid import Colours, Field
from convert.synth.heap import Bowl
from convert.synth.noise import Rng, choose, linear, smooth_noise, smoothstep, tinted, uniform
from convert.synth.pieces import Piece, Style, draw_piece
from convert.synth.scene import Scene, show
from convert.synth.serve import Item, drop

VISIBLE = 0.15
"""A film is residue where it is more opaque than this and changes what the tray looks like by this share."""

_GRAIN = Style("blob", (4, 6), (2, 3), (2, 2), (), roughness=0.42)

_PATTERNS = ("smear", "ring", "pool", "drops", "veil", "splash")


def film(rng: Rng, scene: Scene, into: Bowl, item: Item, strength: float) -> None:
    """Lay one to three films of the dish's sauce on the bare tray in the well; `strength` scales opacity."""
    colour = tinted(rng, linear(item.dish.sauce), 0.12) * item.cast
    for _ in range(int(rng.integers(1, 4))):
        opacity = min(uniform(rng, item.dish.sauce_opacity) * strength, 0.97)
        pattern = _pattern(rng, into, choose(rng, _PATTERNS, (0.25, 0.15, 0.2, 0.12, 0.13, 0.15)))
        _lay(scene, into, (opacity * pattern).astype(np.float32), colour, uniform(rng, (0.08, 0.35)))


def starch(rng: Rng, scene: Scene, into: Bowl) -> None:
    """Lay wet starch as rice leaves it: whitish, patchy, thin."""
    pattern = _pattern(rng, into, choose(rng, ("smear", "veil", "splash")))
    opacity = uniform(rng, (0.08, 0.45))
    _lay(scene, into, (opacity * pattern).astype(np.float32), linear("#e9e6de"), uniform(rng, (0.1, 0.4)))


def _lay(scene: Scene, into: Bowl, opacity: Field, colour: Colours, roughness: float) -> None:
    window = into.rows, into.columns
    bare = np.isin(scene.kind[window], (layers.CLEAN, layers.RESIDUE)) & (into.inside > 0)
    part = Scene(**{name: getattr(scene, name)[window] for name in scene.__dataclass_fields__})
    # Metal mirrors about what a grey of half its reflectance would scatter, so even grey films change it.
    change = np.abs(part.albedo - colour).max(axis=2) / (part.albedo.mean(axis=2) + 0.05) + 0.6 * part.metal
    show(part, bare, colour.astype(np.float32), opacity, roughness)
    part.kind[bare & (opacity > VISIBLE) & (opacity * change > 0.6 * VISIBLE)] = layers.RESIDUE


def _pattern(rng: Rng, into: Bowl, name: str) -> Field:
    """Return a film's cover, 0..1 per cell."""
    shape = into.shape
    if name == "veil":
        return np.asarray(np.clip(0.6 + 0.3 * smooth_noise(rng, shape, 40, 4), 0, 1), np.float32)
    if name == "pool":
        height = into.floor + into.well.depth_mm + 2.0 * smooth_noise(rng, shape, 40, 4)
        return 1 - smoothstep(0.5, 3.5, height)
    if name == "ring":
        height = (
            into.floor + into.well.depth_mm * uniform(rng, (0.35, 0.85)) + smooth_noise(rng, shape, 35, 3)
        )
        return np.asarray(np.exp(-((height / uniform(rng, (0.8, 2.5))) ** 2)), np.float32)
    if name == "drops":
        return _drops(rng, into)
    waves = smooth_noise(rng, shape, uniform(rng, (20, 60)), 5)
    if name == "splash":
        return smoothstep(0.3, 0.9, waves + rng.uniform(-0.4, 0.6))
    angle = rng.uniform(0, np.pi)
    across = np.cos(angle) * into.x + np.sin(angle) * into.y + 5 * smooth_noise(rng, shape, 40, 2)
    lines = smooth_noise(rng, (1, 512), 7, 4)[0]
    streaked = lines[np.clip(across - across.min(), 0, 511).astype(int)]
    return smoothstep(-0.2, 1.2, 0.6 * streaked + 0.8 * waves)


def _drops(rng: Rng, into: Bowl) -> Field:
    cover = np.zeros(into.shape, np.float32)
    reach = float(into.inside.max())
    centre = into.x.mean(), into.y.mean()
    for _ in range(int(rng.integers(4, 25))):
        x, y = rng.normal(0, 0.7 * reach, 2)
        radius = rng.exponential(2.2) + 1
        away = np.hypot(into.x - centre[0] - x, into.y - centre[1] - y)
        cover = np.maximum(cover, np.clip(1.4 * (radius - away), 0, 1))
    return cover.astype(np.float32)


def stray_grains(rng: Rng, scene: Scene, into: Bowl, item: Item, count: int) -> None:
    """Scatter single grains of rice, some of them in small groups along the wall."""
    rows, columns = np.nonzero(into.inside > 1)
    at = int(rng.integers(len(rows)))
    colour = linear(item.dish.colour[0])
    for _ in range(count):
        if rng.random() < 0.6:
            at = int(rng.integers(len(rows)))
            place = int(rows[at]), int(columns[at])
        else:
            place = int(rows[at] + rng.normal(0, 5)), int(columns[at] + rng.normal(0, 5))
        height = grain(rng.uniform(0, np.pi), rng.uniform(4.5, 6.5), 2.5, 0.0) * 1.2
        albedo = np.broadcast_to(tinted(rng, colour, 0.05), (*height.shape, 3)).astype(np.float32)
        lying = Piece(height, albedo, np.zeros_like(height))
        drop(scene, into, lying, place, style=_GRAIN, kind=layers.RESIDUE, cast=item.cast)


def crumbs(rng: Rng, scene: Scene, into: Bowl, item: Item, count: int) -> None:
    """Scatter crumbs of a solid dish or of a soup's pieces."""
    rows, columns = np.nonzero(into.inside > 2)
    for _ in range(count if item.dish.pieces else 0):
        style = item.dish.pieces[int(rng.integers(len(item.dish.pieces)))]
        small = replace(
            style,
            shape=choose(rng, ("blob", "strip")),
            length=(3, 9),
            width=(2, 4),
            thickness=(0.8, 2.0),
            bend=0.1,
        )
        at = int(rng.integers(len(rows)))
        place = int(rows[at]), int(columns[at])
        drop(scene, into, draw_piece(rng, small), place, style=small, kind=layers.RESIDUE, cast=item.cast)
