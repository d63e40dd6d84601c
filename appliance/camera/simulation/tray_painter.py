"""Paint one returned tray as a sprite: mirrored lamps on steel, lit food, true leftovers.

Steel mirrors an environment picture: a surface of slope s at offset p from the tray's centre, seen from straight
above, shows the environment in the direction 2 s + p / h (small-angle law of reflection; h is the lamps' height).
Turning the tray turns its slopes, so the same tray looks different at every angle, as real ones do.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from appliance.camera.simulation import props
from appliance.camera.simulation.dishes import DISHES, Field, smooth_noise, texture
from appliance.camera.simulation.kinds import TRAYS, TrayKind
from appliance.camera.simulation.sprite import Sprite
from appliance.camera.simulation.surfaces import MARGIN_MM, TrayField, WellField, eaten, tray_field

LAMP_HEIGHT_MM = 900.0
LIGHT = np.array([-0.35, -0.45], np.float32)
"""Where the main lamp stands, as a slope in picture axes."""


@dataclass(frozen=True, eq=False)
class PaintedTray:
    """A sprite of a tray and what truly is in it: compartment id to volume fraction of the full serving."""

    sprite: Sprite
    leftover: dict[int, float]


@lru_cache(maxsize=1)
def _environment() -> Field:
    """Return what steel mirrors, shape (256, 256, 3), brightness 0..1 over directions -2..2 in x and y."""
    axis = np.linspace(-2, 2, 256, dtype=np.float32)
    x, y = axis[None, :], axis[:, None]
    room = 0.34 + 0.30 * np.exp(-(x**2 + y**2) / 0.9)
    room = room + 0.10 * np.exp(-((y + 1.6) ** 2) / 0.5) - 0.08 * np.exp(-((x - 1.5) ** 2) / 0.4)

    def panel(cx: float, cy: float, half_x: float, half_y: float) -> Field:
        across = 1 / (1 + np.exp((np.abs(x - cx) - half_x) / 0.06))
        return np.asarray(across / (1 + np.exp((np.abs(y - cy) - half_y) / 0.06)), np.float32)

    lamps = 0.42 * panel(-0.55, -0.75, 0.5, 0.16) + 0.36 * panel(0.65, 0.75, 0.5, 0.16)
    window = 0.22 * panel(-1.55, 0.2, 0.2, 0.8)
    grey = room + lamps
    return np.asarray(np.dstack((grey + 1.25 * window, grey + window, grey + 0.85 * window)), np.float32)


def _slopes(height_mm: Field, px_per_mm: float) -> tuple[Field, Field]:
    scale = px_per_mm / 8.0  # the Sobel kernel sums 8 differences of one pixel
    return (
        cv2.Sobel(height_mm, cv2.CV_32F, 1, 0, scale=scale).astype(np.float32, copy=False),
        cv2.Sobel(height_mm, cv2.CV_32F, 0, 1, scale=scale).astype(np.float32, copy=False),
    )


def _turn(angle_deg: float) -> npt.NDArray[np.float32]:
    """Return the 2x2 rotation from tray axes to picture axes (y down, counter-clockwise as seen)."""
    a = np.deg2rad(angle_deg)
    return np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]], np.float32)


def _bare_tray(kind: TrayKind, field: TrayField, angle_deg: float, rng: np.random.Generator) -> Field:
    """Return the empty tray's brightness, shape (height, width, 3), 0..1, lying at an angle."""
    turn = _turn(angle_deg)
    shape = field.steel_mm.shape
    sx, sy = _slopes(field.steel_mm, field.px_per_mm)
    if TRAYS[kind].material == "plastic":
        lit = 0.74 - 0.22 * ((turn[0, 0] * sx + turn[0, 1] * sy) * -LIGHT[0])
        lit -= 0.22 * ((turn[1, 0] * sx + turn[1, 1] * sy) * -LIGHT[1])
        lit -= 0.10 * np.hypot(sx, sy)
        return np.asarray(lit[:, :, None] * np.array([0.86, 0.95, 0.93], np.float32), np.float32)
    offset_x = (np.arange(shape[1], dtype=np.float32) - shape[1] / 2) / field.px_per_mm / LAMP_HEIGHT_MM
    offset_y = (np.arange(shape[0], dtype=np.float32) - shape[0] / 2) / field.px_per_mm / LAMP_HEIGHT_MM
    dents = np.float32(0.02) * smooth_noise(rng, (shape[0], shape[1]), 30 * field.px_per_mm)
    u = 2 * sx + offset_x[None, :] + dents
    v = 2 * sy + offset_y[:, None] + dents[::-1]
    to_map = 255.0 / 4.0
    seen_x = (turn[0, 0] * u + turn[0, 1] * v + 2) * to_map
    seen_y = (turn[1, 0] * u + turn[1, 1] * v + 2) * to_map
    seen = cv2.remap(_environment(), seen_x, seen_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen, np.float32)


def paint_tray(
    kind: TrayKind,
    wanted: dict[int, float],
    *,
    angle_deg: float,
    px_per_mm: float,
    seed: int,
    spotless: bool = False,
    litter: bool = False,
) -> PaintedTray:
    """Paint a tray that lies at `angle_deg` and holds about `wanted` (compartment id to 0..1) leftovers.

    Wells may carry a stain of their dish, clean ones a few crumbs, unless `spotless`; `litter` adds a spoon or a
    napkin. The returned leftovers are the integrals of what was painted, over those of a full serving.
    """
    rng = np.random.default_rng(seed)
    field = tray_field(kind, px_per_mm)
    canvas = _bare_tray(kind, field, angle_deg, rng) * 255.0
    mirror = np.full(field.steel_mm.shape, 0.0 if TRAYS[kind].material == "plastic" else 1.0, np.float32)
    leftover = {}
    for number, (well, shape) in enumerate(zip(field.wells, TRAYS[kind].wells, strict=True), start=1):
        food = _food_of(rng, well, shape.dish, wanted.get(number, 0.0), px_per_mm, crumbs=not spotless)
        leftover[number] = min(1.0, field.volume_cm3(food) / field.volume_cm3(well.full_mm))
        stained = rng.random() < 0.6 and wanted.get(number, 0.0) < 1 and not spotless
        stain = rng.uniform(0.0, 0.4) if stained else 0.0
        _stain(rng, canvas[well.window], well, shape.dish, opacity=stain, px_per_mm=px_per_mm)
        _serve(rng, canvas[well.window], mirror[well.window], well, shape.dish, food, angle_deg, px_per_mm)
    if litter:
        _drop(
            rng,
            canvas,
            mirror,
            props.spoon(px_per_mm) if rng.random() < 0.6 else props.napkin(seed, px_per_mm),
        )
    sprite = _cut_out(field, canvas, mirror)
    return PaintedTray(sprite, leftover)


def _food_of(
    rng: np.random.Generator, well: WellField, dish: str, wanted: float, px_per_mm: float, *, crumbs: bool
) -> Field:
    liquid = DISHES[dish].form == "liquid"
    food = eaten(rng, well, liquid=liquid, leftover=wanted, px_per_mm=px_per_mm)
    if crumbs and wanted <= 0 and not liquid and rng.random() < 0.4:
        crumb = smooth_noise(rng, (food.shape[0], food.shape[1]), 2.5 * px_per_mm) > 2.6
        food = np.where(crumb & (well.inside_mm > 3), np.float32(1.5), food)
    return food


def _stain(
    rng: np.random.Generator, canvas: Field, well: WellField, dish: str, *, opacity: float, px_per_mm: float
) -> None:
    if opacity == 0:
        return
    patches = smooth_noise(rng, (canvas.shape[0], canvas.shape[1]), 18 * px_per_mm)
    alpha = opacity * np.clip(0.6 + 0.5 * patches, 0, 1) * np.clip(well.inside_mm / 8, 0, 1)
    colour = np.asarray(DISHES[dish].stain, np.float32)
    canvas += alpha[:, :, None] * (canvas * colour / 200.0 - canvas)


def _serve(
    rng: np.random.Generator,
    canvas: Field,
    mirror: Field,
    well: WellField,
    name: str,
    food_mm: Field,
    angle_deg: float,
    px_per_mm: float,
) -> None:
    """Lay food over steel: opaque from 1 mm of height on, lit by its own relief."""
    if not food_mm.any():
        return
    dish = DISHES[name]
    albedo, relief = texture(name, px_per_mm)
    height, width = food_mm.shape
    top, left = (int(rng.integers(0, albedo.shape[i] - food_mm.shape[i])) for i in (0, 1))
    albedo, relief = (
        albedo[top : top + height, left : left + width],
        relief[top : top + height, left : left + width],
    )
    alpha = np.clip(food_mm / 1.0, 0, 1)
    if dish.form == "liquid":
        lit = np.full_like(food_mm, 0.92) - 0.25 * np.exp(-food_mm / 2.0)
        alpha = np.clip(food_mm / 0.6, 0, 1)
    else:
        sx, sy = _slopes(well.steel_mm + food_mm + relief * alpha, px_per_mm)
        turn = _turn(angle_deg)
        facing = (turn[0, 0] * sx + turn[0, 1] * sy) * -LIGHT[0] + (
            turn[1, 0] * sx + turn[1, 1] * sy
        ) * -LIGHT[1]
        steepness = np.sqrt(1 + sx**2 + sy**2)
        lit = np.clip(0.78 + 0.22 / steepness - 0.55 * facing / steepness, 0.45, 1.25)
    food = albedo.astype(np.float32) * lit[:, :, None]
    if dish.gloss > 0:
        food += dish.gloss * 0.35 * (canvas - 60)
    canvas += alpha[:, :, None] * (food - canvas)
    mirror *= 1 - alpha * (1 - dish.gloss)


def _drop(rng: np.random.Generator, canvas: Field, mirror: Field, litter: Sprite) -> None:
    """Lay a spoon or a napkin somewhere on the tray."""
    height, width = canvas.shape[:2]
    turn = cv2.getRotationMatrix2D(
        ((litter.bgra.shape[1] - 1) / 2, (litter.bgra.shape[0] - 1) / 2), rng.uniform(0, 360), 1.0
    )
    turn[0, 2] += width * rng.uniform(0.35, 0.65) - litter.bgra.shape[1] / 2
    turn[1, 2] += height * rng.uniform(0.35, 0.65) - litter.bgra.shape[0] / 2
    laid = cv2.warpAffine(litter.bgra, turn, (width, height)).astype(np.float32)
    clear = 1 - laid[:, :, 3] / 255
    canvas *= clear[:, :, None]
    canvas += laid[:, :, :3]
    mirror *= clear


def _cut_out(field: TrayField, canvas: Field, mirror: Field) -> Sprite:
    """Return the sprite: the tray within its rounded outline over a soft shadow on the belt."""
    inside = np.clip(field.edge_mm * field.px_per_mm + 0.5, 0, 1)
    shadow = 0.55 * np.clip(1 + field.edge_mm / (0.75 * MARGIN_MM), 0, 1) ** 2
    alpha = inside + (1 - inside) * shadow
    bgra = np.dstack((np.clip(canvas, 0, 255) * inside[:, :, None], alpha * 255.0))
    slope_x, slope_y = _slopes(field.steel_mm, field.px_per_mm)
    flat = np.exp(-(slope_x**2 + slope_y**2) * 12.0)
    return Sprite(
        np.clip(bgra, 0, 255).astype(np.uint8),
        (mirror * flat * inside * 255).astype(np.uint8),
        field.px_per_mm,
    )
