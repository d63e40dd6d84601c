"""Height fields of a tray and of what lies in it: picture and true volume come from the same numbers."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from appliance.camera.simulation.dishes import DISHES, Field, smooth_noise
from appliance.camera.simulation.kinds import TRAYS, Tray, TrayKind, Well

MARGIN_MM = 14.0
"""Border around the tray in every field, for its shadow."""

RIM_MM = 4.5
RIM_WIDTH_MM = 8.0


@dataclass(frozen=True, eq=False)
class WellField:
    """One well on the grid.

    Within `window`: `steel_mm` the tray's height above the deck, `inside_mm` the distance inside the opening
    (negative outside), `full_mm` the food's height of a full serving.
    """

    window: tuple[slice, slice]
    steel_mm: Field
    inside_mm: Field
    full_mm: Field


@dataclass(frozen=True, eq=False)
class TrayField:
    """The empty tray on the grid: `steel_mm` above the deck, `edge_mm` distance inside the outline."""

    px_per_mm: float
    steel_mm: Field
    edge_mm: Field
    wells: tuple[WellField, ...]

    def volume_cm3(self, food_mm: Field) -> float:
        """Return the volume under a field of food heights on this grid."""
        return float(food_mm.sum(dtype=np.float64)) / self.px_per_mm**2 / 1000.0


def _distance_inside(
    x: Field, y: Field, centre: tuple[float, float], half: tuple[float, float], radius: float
) -> Field:
    """Return the distance to a rounded rectangle's outline, positive inside (signed distance, negated)."""
    qx = np.abs(x - centre[0]) - (half[0] - radius)
    qy = np.abs(y - centre[1]) - (half[1] - radius)
    outside = np.hypot(np.maximum(qx, 0), np.maximum(qy, 0))
    return np.asarray(radius - outside - np.minimum(np.maximum(qx, qy), 0), np.float32)


def _smoothstep(t: Field) -> Field:
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)


@lru_cache(maxsize=8)
def tray_field(kind: TrayKind, px_per_mm: float) -> TrayField:
    """Return the height field of a tray type at a resolution; cached, treat as read-only."""
    tray = TRAYS[kind]
    width, height = (round((side + 2 * MARGIN_MM) * px_per_mm) for side in tray.size_mm)
    xs = ((np.arange(width) + 0.5) / px_per_mm - MARGIN_MM).astype(np.float32)[None, :]
    ys = ((np.arange(height) + 0.5) / px_per_mm - MARGIN_MM).astype(np.float32)[:, None]
    half = (tray.size_mm[0] / 2, tray.size_mm[1] / 2)
    edge = _distance_inside(xs, ys, half, half, tray.corner_radius_mm)
    steel = RIM_MM * np.exp(-(((edge - RIM_WIDTH_MM / 2) / (RIM_WIDTH_MM / 3)) ** 2)).astype(np.float32)
    windows: list[tuple[tuple[slice, slice], Field]] = []
    for well in tray.wells:
        window = _window(well, px_per_mm, (height, width))
        inside = _distance_inside(
            xs[:, window[1]], ys[window[0]], well.centre_mm, well.half_mm, well.radius_mm
        )
        steel[window] -= tray.depth_mm * _wall(inside / well.inset_mm)
        windows.append((window, inside))
    steel = cv2.GaussianBlur(steel, (0, 0), 1.2 * px_per_mm).astype(np.float32, copy=False)
    wells = tuple(
        WellField(window, steel[window], inside, _full_serving(tray, well, steel[window], inside, px_per_mm))
        for well, (window, inside) in zip(tray.wells, windows, strict=True)
    )
    return TrayField(px_per_mm, steel, edge, wells)


def _wall(t: Field) -> Field:
    """Return how deep a tapered wall is (0..1) at `t` of its width, rounded a little at both ends."""
    return np.asarray(0.75 * np.clip(t, 0, 1) + 0.25 * _smoothstep(t), np.float32)


def _window(well: Well, px_per_mm: float, shape: tuple[int, int]) -> tuple[slice, slice]:
    def span(centre: float, half: float, limit: int) -> slice:
        first = int((centre - half + MARGIN_MM - 2) * px_per_mm)
        return slice(max(0, first), min(limit, int((centre + half + MARGIN_MM + 2) * px_per_mm) + 1))

    (cx, cy), (hx, hy) = well.centre_mm, well.half_mm
    return span(cy, hy, shape[0]), span(cx, hx, shape[1])


def _full_serving(tray: Tray, well: Well, steel: Field, inside: Field, px_per_mm: float) -> Field:
    """Return a full serving's heights: a liquid's level at 70 % of the depth, a heap up to a low dome."""
    if DISHES[well.dish].form == "liquid":
        return np.asarray(np.maximum(0, -0.30 * tray.depth_mm - steel) * (inside > 0), np.float32)
    rng = np.random.default_rng(list(well.dish.encode()))
    dome = 10.0 * np.clip(inside / min(well.half_mm), 0, 1) ** 0.7
    lumps = DISHES[well.dish].lumps_mm * smooth_noise(rng, (steel.shape[0], steel.shape[1]), 16 * px_per_mm)
    return np.asarray(np.maximum(0, -0.34 * tray.depth_mm + dome + lumps - steel) * (inside > 1), np.float32)


def eaten(
    rng: np.random.Generator, well: WellField, *, liquid: bool, leftover: float, px_per_mm: float
) -> Field:
    """Return the heights of what is left so that its volume is `leftover` (0..1) of the full serving.

    A liquid's level sinks in the tapered well. A heap is eaten from one side, more or less evenly, towards a
    ragged front, and its remaining part may be flatter than it was. Both are solved for the wanted volume by
    bisection, since either grows monotonically with its one parameter.
    """
    if leftover <= 0:
        return np.zeros_like(well.full_mm)
    if leftover >= 1:
        return well.full_mm
    wanted = leftover * float(well.full_mm.sum(dtype=np.float64))
    if liquid:
        top_mm = float((well.steel_mm + well.full_mm)[well.full_mm > 0].max())
        low, high = float(well.steel_mm.min()), top_mm
    else:
        height, width = well.full_mm.shape
        direction = rng.uniform(0, 2 * np.pi)
        x = np.linspace(-1, 1, width, dtype=np.float32)[None, :] * np.float32(np.cos(direction))
        y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] * np.float32(np.sin(direction))
        order = x + y + np.float32(0.22) * smooth_noise(rng, (height, width), 14 * px_per_mm)
        order += np.float32(0.05) * smooth_noise(rng, (height, width), 3 * px_per_mm)
        heap = well.full_mm * np.float32(max(leftover, rng.uniform(0.75, 1.0)))
        low, high = float(order.min()) - 0.3, float(order.max()) + 0.3

    def left(parameter: float) -> Field:
        if liquid:
            sunk = np.maximum(0, np.float32(parameter) - well.steel_mm) * (well.inside_mm > 0)
            return np.asarray(sunk, np.float32)
        return np.asarray(heap * np.clip((parameter - order) / 0.25, 0, 1), np.float32)

    for _ in range(14):
        middle = (low + high) / 2
        if float(left(middle).sum(dtype=np.float64)) < wanted:
            low = middle
        else:
            high = middle
    return left((low + high) / 2)
