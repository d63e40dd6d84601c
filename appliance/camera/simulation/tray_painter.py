"""Paint one returned tray as a sprite, with the truth of what is left on it."""

from dataclasses import dataclass

import cv2
import numpy as np

from appliance.camera.simulation import props
from appliance.camera.simulation.dishes import DISHES, Field, smooth_noise, texture
from appliance.camera.simulation.kinds import TRAYS, TrayKind
from appliance.camera.simulation.sprite import Sprite
from appliance.camera.simulation.steel import empty_tray, facing, glints, slopes, turned
from appliance.camera.simulation.surfaces import MARGIN_MM, TrayField, WellField, eaten, tray_field

_STAINED_SHARE = 0.6
_CRUMBS_SHARE = 0.4
_CRUMB_MM = 1.5
_OPAQUE_MM = 1.0
"""Height of food from which nothing shows through."""


@dataclass(frozen=True, eq=False)
class PaintedTray:
    """A sprite of a tray and what truly is in it: compartment id to volume fraction of the full serving."""

    sprite: Sprite
    leftover: dict[int, float]


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

    Wells may carry a stain of their dish, clean ones a few crumbs, unless `spotless`; `litter` adds a spoon
    or a napkin. The returned leftovers are the volumes that were painted, over those of a full serving.
    """
    painter = _Painter(kind, angle_deg, px_per_mm, np.random.default_rng(seed))
    leftover = {}
    for number, (well, shape) in enumerate(zip(painter.field.wells, TRAYS[kind].wells, strict=True), start=1):
        food = painter.food(well, shape.dish, wanted.get(number, 0.0))
        if not spotless:
            food = painter.stain(well, shape.dish, food)
        painter.serve(well, shape.dish, food)
        full_cm3 = painter.field.volume_cm3(well.full_mm)
        leftover[number] = min(1.0, painter.field.volume_cm3(food) / full_cm3)
    if litter:
        painter.drop(props.spoon(px_per_mm) if seed % 5 < 3 else props.napkin(seed, px_per_mm))
    return PaintedTray(painter.sprite(), leftover)


class _Painter:
    """Paints on two canvases in place: the colours (0..255) and how much each pixel mirrors (0..1)."""

    def __init__(self, kind: TrayKind, angle_deg: float, px_per_mm: float, rng: np.random.Generator) -> None:
        material = TRAYS[kind].material
        self.field: TrayField = tray_field(kind, px_per_mm)
        self._rng = rng
        self._angle_deg = angle_deg
        self._canvas = empty_tray(material, self.field, angle_deg, rng)
        self._mirror = np.full(self.field.steel_mm.shape, 1.0 if material == "steel" else 0.0, np.float32)

    def food(self, well: WellField, name: str, leftover: float) -> Field:
        """Return the heights of what is left of a dish."""
        liquid = DISHES[name].form == "liquid"
        return eaten(self._rng, well, liquid=liquid, leftover=leftover, px_per_mm=self.field.px_per_mm)

    def stain(self, well: WellField, name: str, food_mm: Field) -> Field:
        """Stain a well that was eaten from, and return its food with a few crumbs if there was none."""
        shape = (food_mm.shape[0], food_mm.shape[1])
        if food_mm is not well.full_mm and self._rng.random() < _STAINED_SHARE:
            patches = smooth_noise(self._rng, shape, 18 * self.field.px_per_mm)
            alpha = self._rng.uniform(0.05, 0.4) * np.clip(0.6 + 0.5 * patches, 0, 1)
            alpha *= np.clip(well.inside_mm / 8, 0, 1)
            canvas = self._canvas[well.window]
            film = canvas * (np.asarray(DISHES[name].stain, np.float32) / 200.0)
            canvas += alpha[:, :, None] * (film - canvas)
        if food_mm.any() or DISHES[name].form == "liquid" or self._rng.random() >= _CRUMBS_SHARE:
            return food_mm
        crumbs = smooth_noise(self._rng, shape, 2.5 * self.field.px_per_mm) > 2.6
        return np.where(crumbs & (well.inside_mm > 3), np.float32(_CRUMB_MM), food_mm)

    def serve(self, well: WellField, name: str, food_mm: Field) -> None:
        """Lay food over steel, lit by its own relief."""
        if not food_mm.any():
            return
        dish = DISHES[name]
        albedo, relief = texture(name, self.field.px_per_mm).crop(self._rng, food_mm.shape)
        alpha = np.clip(food_mm / _OPAQUE_MM, 0, 1)
        wet = np.zeros_like(food_mm)
        if dish.form == "liquid":
            lit = 0.92 - 0.25 * np.exp(-food_mm / 2.0)  # darker where it thins out at the waterline
        else:
            surface = well.steel_mm + food_mm + relief * alpha
            x, y = turned(*slopes(surface, self.field.px_per_mm), self._angle_deg)
            steepness = np.sqrt(1 + x**2 + y**2)
            wet = 600.0 * dish.gloss * glints(x, y)
            lit = np.clip(0.78 + 0.22 / steepness + 0.5 * facing(x, y) / steepness, 0.5, 1.2)
        canvas = self._canvas[well.window]
        food = albedo * lit[:, :, None] + dish.gloss * 0.35 * (canvas - 60) + wet[:, :, None]
        canvas += alpha[:, :, None] * (food - canvas)
        self._mirror[well.window] *= 1 - alpha * (1 - dish.gloss)

    def drop(self, litter: Sprite) -> None:
        """Lay a spoon or a napkin somewhere on the tray."""
        height, width = self.field.steel_mm.shape
        centre = ((litter.bgra.shape[1] - 1) / 2, (litter.bgra.shape[0] - 1) / 2)
        turn = cv2.getRotationMatrix2D(centre, self._rng.uniform(0, 360), 1.0)
        turn[:, 2] += self._rng.uniform(0.35, 0.65, 2) * (width, height) - centre
        laid = cv2.warpAffine(litter.bgra, turn, (width, height)).astype(np.float32)
        clear = 1 - laid[:, :, 3] / 255
        self._canvas *= clear[:, :, None]
        self._canvas += laid[:, :, :3]
        self._mirror *= clear

    def sprite(self) -> Sprite:
        """Return the tray within its rounded outline, over a soft shadow on the belt."""
        field = self.field
        inside = np.clip(field.edge_mm * field.px_per_mm + 0.5, 0, 1)
        shadow = 0.55 * np.clip(1 + field.edge_mm / (0.75 * MARGIN_MM), 0, 1) ** 2
        alpha = inside + (1 - inside) * shadow
        colours = np.clip(self._canvas, 0, 255) * inside[:, :, None]
        x, y = slopes(field.steel_mm, field.px_per_mm)
        flat = np.exp(-(x**2 + y**2) * 12.0)
        return Sprite(
            np.dstack((colours, alpha * 255.0)).astype(np.uint8),
            (self._mirror * flat * inside * 255.0).astype(np.uint8),
            field.px_per_mm,
        )
