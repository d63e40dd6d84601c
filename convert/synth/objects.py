"""Things that lie on trays or reach over them: cutlery, napkins, packages, cups, hands."""

from dataclasses import dataclass

import cv2
import numpy as np

from convert.synth.grid import Colours, Field, Grid, Mask
from convert.synth.noise import Rng, choose, linear, smooth_noise, smoothstep, tinted, uniform
from convert.synth.scene import FOREIGN, SOLID_DOWN, Scene
from convert.synth.tray import Tray


@dataclass(frozen=True, eq=False)
class _Frame:
    """Coordinates along and across an object, in mm, on the grid."""

    along: Field
    across: Field


def _frame(grid: Grid, x: float, y: float, angle: float) -> _Frame:
    dx, dy = grid.x - np.float32(x), grid.y - np.float32(y)
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return _Frame(c * dx + s * dy, -s * dx + c * dy)


def _somewhere(rng: Rng, tray: Tray, spread: float) -> tuple[float, float]:
    half = np.array(tray.size_mm) / 2 * spread
    x, y = rng.uniform(-half, half)
    return float(x), float(y)


def _put(
    scene: Scene,
    mask: Mask,
    top: Field,
    albedo: Colours,
    *,
    metal: float = 0.0,
    roughness: float = 0.4,
    thick: Field | float | None = None,
) -> None:
    """Cover cells with an object; one `thick` mm thick hangs free, else it reaches down to what is below."""
    mask = mask & (top > scene.surface)
    under = np.full_like(top, SOLID_DOWN) if thick is None else np.maximum(top - thick, scene.surface)
    scene.underside[mask] = under[mask]
    scene.surface[mask] = top[mask]
    scene.albedo[mask] = np.broadcast_to(albedo, scene.albedo.shape)[mask]
    scene.metal[mask], scene.roughness[mask] = metal, roughness
    scene.bump[mask] = 0
    scene.liquid_mm[mask] = 0
    scene.kind[mask] = FOREIGN


def _base(scene: Scene, frame: _Frame, mask: Mask, half_length: float) -> Field:
    """Return the line on which a stiff thing lies: over the highest points under each of its halves."""
    first, second = mask & (frame.along < 0), mask & (frame.along >= 0)
    low = float(np.quantile(scene.surface[first], 0.97)) if first.any() else 0.0
    high = float(np.quantile(scene.surface[second], 0.97)) if second.any() else low
    share = np.clip(frame.along / half_length, -1, 1) * 0.5 + 0.5
    return np.asarray(low + (high - low) * share, np.float32)


_STEEL = np.array([0.62, 0.61, 0.59], np.float32)


def spoon(rng: Rng, scene: Scene, tray: Tray) -> None:
    """Lay down a steel spoon."""
    x, y = _somewhere(rng, tray, 0.7)
    frame = _frame(tray.grid, x, y, rng.uniform(0, 2 * np.pi))
    length, bowl_length, bowl_width = uniform(rng, (170, 215)), uniform(rng, (52, 68)), uniform(rng, (36, 45))
    handle = uniform(rng, (6, 10))
    u, v = frame.along - (length / 2 - bowl_length / 2), frame.across
    radius2 = (u / (bowl_length / 2)) ** 2 + (v / (bowl_width / 2)) ** 2
    in_bowl = radius2 < 1
    width = handle * (1 + 0.4 * np.clip(-frame.along / length * 2, 0, 1))
    in_handle = (np.abs(v) < width / 2) & (np.abs(frame.along) < length / 2) & ~in_bowl
    base = _base(scene, frame, in_bowl | in_handle, length / 2)
    hollow = 1.0 + 6.0 * (radius2 - 0.55) if rng.random() < 0.7 else 9.0 - 7.0 * radius2
    top = np.asarray(base + np.where(in_bowl, hollow, 2.2 - 0.9 * (2 * v / width) ** 2), np.float32)
    _put(scene, in_bowl | in_handle, top, _STEEL, metal=1.0, roughness=uniform(rng, (0.03, 0.15)), thick=3.0)


def chopsticks(rng: Rng, scene: Scene, tray: Tray) -> None:
    """Lay down a pair of chopsticks, of steel, wood or plastic."""
    x, y = _somewhere(rng, tray, 0.7)
    angle = rng.uniform(0, 2 * np.pi)
    length = uniform(rng, (195, 240))
    material = choose(rng, ("steel", "wood", "dark"), (0.6, 0.25, 0.15))
    colour = {"steel": _STEEL, "wood": linear("#c99f66"), "dark": linear("#2a1c18")}[material]
    thick = uniform(rng, (2.5, 4)) if material == "steel" else uniform(rng, (5, 7))
    for side in (-1, 1):
        shift = side * rng.uniform(3.5, 14)
        frame = _frame(
            tray.grid, x - shift * np.sin(angle), y + shift * np.cos(angle), angle + rng.normal(0, 0.05)
        )
        width = (6.2 if material == "steel" else 7.0) * (1 - 0.35 * frame.along / length)
        mask = (np.abs(frame.across) < width / 2) & (np.abs(frame.along) < length / 2)
        base = _base(scene, frame, mask, length / 2)
        top = np.asarray(base + thick * (1 - 0.25 * (2 * frame.across / width) ** 2), np.float32)
        metal = 1.0 if material == "steel" else 0.0
        _put(
            scene,
            mask,
            top,
            tinted(rng, colour, 0.05),
            metal=metal,
            roughness=uniform(rng, (0.06, 0.3)),
            thick=thick,
        )


def fork(rng: Rng, scene: Scene, tray: Tray) -> None:
    """Lay down a fork or knife of steel or white plastic."""
    x, y = _somewhere(rng, tray, 0.7)
    frame = _frame(tray.grid, x, y, rng.uniform(0, 2 * np.pi))
    length, width = uniform(rng, (150, 205)), uniform(rng, (20, 26))
    tines = rng.random() < 0.6
    head = frame.along > length / 2 - 62
    across = np.abs(frame.across)
    prongs = (frame.along < length / 2 - 42) | (np.mod(frame.across + 40, width / 4) < width / 5.5)
    body = np.where(head, across < width / 2, across < 4.5) & (np.abs(frame.along) < length / 2)
    mask = body & (prongs if tines else True)
    top = _base(scene, frame, mask, length / 2) + np.float32(2)
    plastic = rng.random() < 0.25
    colour = linear("#e8e8e4") if plastic else _STEEL
    _put(
        scene, mask, top.astype(np.float32), colour, metal=0.0 if plastic else 1.0, roughness=0.12, thick=2.5
    )


def napkin(rng: Rng, scene: Scene, tray: Tray) -> None:
    """Drop a napkin: crumpled into a ball or lying flat, sometimes stained."""
    x, y = _somewhere(rng, tray, 0.9)
    frame = _frame(tray.grid, x, y, rng.uniform(0, 2 * np.pi))
    shape = scene.surface.shape
    creases = np.abs(smooth_noise(rng, shape, uniform(rng, (16, 34)), 4))
    if rng.random() < 0.6:
        size = uniform(rng, (22, 48))
        radius = np.hypot(frame.along, frame.across * uniform(rng, (0.7, 1.3))) / size
        radius = radius + 0.22 * smooth_noise(rng, shape, 22, 3)
        body = np.sqrt(np.clip(1 - radius**2, 0, 1)) * size * uniform(rng, (0.35, 0.75))
        rise = body * (1 - 0.35 * np.clip(creases, 0, 1.6))
        mask = radius < 1
    else:
        half, other = uniform(rng, (40, 75)), uniform(rng, (35, 70))
        edge = np.minimum(half - np.abs(frame.along), other - np.abs(frame.across))
        mask = edge + 2.5 * smooth_noise(rng, shape, 25, 2) > 0
        rise = 1.0 + 2.2 * creases
    lying = cv2.GaussianBlur(np.where(mask, scene.surface, scene.surface.min()), (0, 0), 6)
    top = np.maximum(lying, scene.surface) + np.maximum(rise, 0.5)
    albedo = np.broadcast_to(tinted(rng, linear("#efeeea"), 0.04), (*shape, 3)).copy()
    if rng.random() < 0.4:
        stain = smoothstep(0.4, 1.3, smooth_noise(rng, shape, 30, 3))[..., None] * uniform(rng, (0.2, 0.8))
        albedo = albedo * (1 - stain) + linear(choose(rng, ("#c0501c", "#7a4a1e", "#b8a040"))) * stain
    _put(scene, mask, top.astype(np.float32), albedo.astype(np.float32), roughness=0.75, thick=rise + 3.0)


_PRINTS = (
    "#c01f2c",
    "#f0c020",
    "#1f4f9c",
    "#2a8a4a",
    "#e8e6e0",
    "#e07a20",
    "#5a2a7a",
    "#101820",
    "#d8dce0",
    "#ef9ab0",
)


def package(rng: Rng, scene: Scene, tray: Tray) -> None:
    """Drop a printed wrapper or sachet, glossy and creased."""
    x, y = _somewhere(rng, tray, 0.95)
    frame = _frame(tray.grid, x, y, rng.uniform(0, 2 * np.pi))
    half, other = uniform(rng, (22, 55)), uniform(rng, (14, 40))
    shape = scene.surface.shape
    edge = np.minimum(half - np.abs(frame.along), other - np.abs(frame.across))
    mask = edge + 1.2 * smooth_noise(rng, shape, 20, 2) > 0
    pillow = np.asarray(uniform(rng, (1, 10)) * np.sqrt(np.clip(edge / 15, 0, 1)), np.float32)
    creases = 1.3 * np.abs(smooth_noise(rng, shape, 12, 3))
    lying = cv2.GaussianBlur(scene.surface, (0, 0), 8)
    top = np.maximum(lying, scene.surface) + 0.8 + np.clip(pillow, 0, None) + creases
    albedo = np.broadcast_to(tinted(rng, linear(choose(rng, _PRINTS)), 0.15), (*shape, 3)).copy()
    for _ in range(int(rng.integers(1, 5))):
        albedo[_print_mask(rng, frame, half, other)] = tinted(rng, linear(choose(rng, _PRINTS)), 0.15)
    foil = rng.random() < 0.25
    shine = uniform(rng, (0.08, 0.3))
    metal = 0.7 if foil else 0.0
    _put(scene, mask, top.astype(np.float32), albedo, metal=metal, roughness=shine, thick=pillow + 4.0)


def _print_mask(rng: Rng, frame: _Frame, half: float, other: float) -> Mask:
    u, v = rng.uniform(-half, half), rng.uniform(-other, other)
    if rng.random() < 0.5:
        return np.asarray(np.abs(frame.across - v) < rng.uniform(2, other / 2))
    return np.asarray(
        np.hypot(frame.along - u, (frame.across - v) * rng.uniform(0.5, 2)) < rng.uniform(4, other)
    )


def cup(rng: Rng, scene: Scene, tray: Tray) -> None:
    """Stand a small cup, bottle or carton on the tray."""
    x, y = _somewhere(rng, tray, 0.75)
    frame = _frame(tray.grid, x, y, rng.uniform(0, 2 * np.pi))
    radius, tall = uniform(rng, (22, 38)), uniform(rng, (22, 48))
    square = rng.random() < 0.3
    reach = (
        np.maximum(np.abs(frame.along), np.abs(frame.across))
        if square
        else np.hypot(frame.along, frame.across)
    )
    mask = reach < radius
    base = float(np.quantile(scene.surface[mask], 0.8)) if mask.any() else 0.0
    albedo = np.broadcast_to(tinted(rng, linear(choose(rng, _PRINTS)), 0.1), (*scene.surface.shape, 3)).copy()
    top = np.full(scene.surface.shape, base + tall, np.float32)
    if not square and rng.random() < 0.65:
        inner = reach < radius - 2
        top[inner] = base + uniform(rng, (2, 12))
        albedo[inner] = tinted(rng, linear(choose(rng, ("#e8e4da", "#d8b080", "#f0f0ee", "#7a3a1c"))), 0.1)
    else:
        top -= (2.5 * (reach / radius) ** 6).astype(np.float32)
        albedo[_print_mask(rng, frame, radius, radius)] = linear(choose(rng, _PRINTS))
    _put(scene, mask, top, albedo, roughness=uniform(rng, (0.1, 0.4)))


_SKINS = ("#e0b090", "#d39c78", "#c58a64", "#a56a48", "#7a4a32", "#f0c8ac")
_GLOVES = ("#3a7fc0", "#e8e8ec", "#2a2a2c", "#e8c8d4", "#d8e4ee")


def hand(rng: Rng, scene: Scene, tray: Tray) -> None:
    """Reach over the tray's edge with a hand, bare or gloved, and a sleeve."""
    grid = tray.grid
    side = rng.uniform(0, 2 * np.pi)
    edge_x, edge_y = 0.52 * tray.size_mm[0] * np.cos(side), 0.52 * tray.size_mm[1] * np.sin(side)
    inward = np.arctan2(-edge_y, -edge_x) + rng.normal(0, 0.3)
    frame = _frame(grid, edge_x, edge_y, inward)
    above = uniform(rng, (6, 26))
    rise = np.zeros(scene.surface.shape, np.float32)
    fingers = np.linspace(-30, 30, 5) + rng.normal(0, 2, 5)
    for number, v in enumerate(fingers):
        length = (40, 62, 68, 62, 48)[number] * uniform(rng, (0.5, 0.95))
        spread = np.float32(v) * (1 + 0.25 * np.clip(frame.along, 0, None) / 60)
        tip = np.hypot(np.maximum(np.abs(frame.along - length / 2) - length / 2, 0), frame.across - spread)
        rise = np.maximum(rise, 18 * np.sqrt(np.clip(1 - (tip / 9.5) ** 2, 0, 1)))
    palm = np.hypot(np.maximum(np.abs(frame.along + 35) - 22, 0), np.maximum(np.abs(frame.across) - 26, 0))
    rise = np.maximum(rise, 28 * np.sqrt(np.clip(1 - (palm / 15) ** 2, 0, 1)))
    arm = np.where(frame.along < -50, np.abs(frame.across) - 8 + frame.along * 0.03, 99)
    rise = np.maximum(rise, 34 * np.sqrt(np.clip(1 - np.maximum(arm / 32, 0) ** 2, 0, 1)) * (arm < 32))
    colour = tinted(rng, linear(choose(rng, _GLOVES if rng.random() < 0.4 else _SKINS)), 0.08)
    mottled = np.exp(0.06 * smooth_noise(rng, scene.surface.shape, 18, 3))[..., None]
    albedo = np.clip(colour * mottled, 0, 0.9).astype(np.float32)
    if rng.random() < 0.6:
        albedo[frame.along < -rng.uniform(75, 110)] = tinted(
            rng, linear(choose(rng, ("#20242a", "#e4e4e2", "#345a8a", "#7a2a2a", "#8a8f94"))), 0.15
        )
    mask = rise > 0.5
    resting = float(np.quantile(scene.surface, 0.9))
    _put(scene, mask, (rise + resting + above).astype(np.float32), albedo, roughness=0.5, thick=rise + 8.0)


OBJECTS = {
    "spoon": spoon,
    "chopsticks": chopsticks,
    "fork": fork,
    "napkin": napkin,
    "package": package,
    "cup": cup,
    "hand": hand,
}
