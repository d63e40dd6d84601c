"""Which wells a tray has, and where: rectangular trays of 3 to 7 wells, round ones with sectors."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from convert.synth.grid import CELL_MM, Field, Grid
from convert.synth.noise import Rng, choose, uniform

Distance = Callable[[Grid], Field]
"""Signed distance in mm to an outline, positive inside."""


@dataclass(frozen=True, eq=False)
class Shape:
    """A tray's outlines: the edge and the wells with their roles (`rice`, `soup`, `side`)."""

    size_mm: tuple[float, float]
    corner_mm: float
    round: bool
    edge: Distance
    wells: tuple[tuple[str, Distance], ...]


Box = tuple[float, float, float, float]
"""Centre x and y, half width and half height, in mm."""

_ROWS = {
    # wells in the upper row, wells in the lower row, roles
    "3": ((1,), (2,), ("rice", "side", "soup")),
    "4": ((2,), (2,), ("side", "side", "rice", "soup")),
    "4b": ((3,), (1,), ("side", "soup", "side", "rice")),
    "5": ((3,), (2,), ("side", "side", "side", "rice", "soup")),
    "6": ((4,), (2,), ("side", "side", "side", "side", "rice", "soup")),
    "6b": ((3,), (3,), ("side", "side", "side", "rice", "soup", "side")),
    "7": ((4,), (3,), ("side", "side", "side", "side", "rice", "soup", "side")),
}


def draw_shapes(rng: Rng) -> Shape:
    """Return a random tray's outlines."""
    if rng.random() < 0.1:
        return _round_tray(rng)
    name = choose(rng, tuple(_ROWS), (0.07, 0.1, 0.06, 0.42, 0.2, 0.07, 0.08))
    width, height = uniform(rng, (330, 415)), uniform(rng, (235, 305))
    corner = uniform(rng, (14, 45))
    boxes = _rows(rng, name, width, height)
    if rng.random() < 0.35:
        boxes = [(-x, y, w, h) for x, y, w, h in boxes]
    if rng.random() < 0.35:
        boxes = [(x, -y, w, h) for x, y, w, h in boxes]
    rounding = uniform(rng, (0.3, 0.75))
    round_soup, round_sides = rng.random() < 0.22, rng.random() < 0.12
    wells = []
    for role, box in zip(_ROWS[name][2], boxes, strict=True):
        circular = (role == "soup" and round_soup) or (role == "side" and round_sides)
        short = min(box[2], box[3])
        rounded = (box[0], box[1], short, short) if circular else box
        wells.append((role, _box_distance(rounded, short if circular else short * rounding)))
    edge = _box_distance((0.0, 0.0, width / 2, height / 2), corner)
    return Shape((width, height), corner, round=False, edge=edge, wells=tuple(wells))


def _rows(rng: Rng, name: str, width: float, height: float) -> list[Box]:
    (upper,), (lower,), roles = _ROWS[name]
    border, gap = uniform(rng, (13, 21)), uniform(rng, (6, 13))
    across, down = width - 2 * border, height - 2 * border - gap
    share = uniform(rng, (0.36, 0.46)) if name not in ("3", "6b") else uniform(rng, (0.44, 0.54))
    boxes: list[Box] = []
    top = -height / 2 + border
    for count, tall, offset in ((upper, share * down, 0.0), (lower, (1 - share) * down, share * down + gap)):
        weights = rng.uniform(0.88, 1.12, count) if rng.random() < 0.4 else np.ones(count)
        row_roles = roles[:upper] if offset == 0.0 else roles[upper:]
        weights = weights * [1.0 if role == "side" else 1.25 for role in row_roles]
        widths = weights / weights.sum() * (across - gap * (count - 1))
        left = -width / 2 + border
        for wide in widths:
            boxes.append((left + wide / 2, top + offset + tall / 2, wide / 2, tall / 2))
            left += wide + gap
    return boxes


def _box_distance(box: Box, radius: float) -> Distance:
    x, y, half_width, half_height = box
    radius = min(radius, half_width, half_height)

    def distance(grid: Grid) -> Field:
        across = np.abs(grid.x - x) - half_width + radius
        down = np.abs(grid.y - y) - half_height + radius
        outer = np.hypot(np.maximum(across, 0), np.maximum(down, 0))
        inner = np.minimum(np.maximum(across, down), 0)
        return np.asarray(radius - outer - inner, np.float32)

    return distance


def _round_tray(rng: Rng) -> Shape:
    """Return a round plate with three or four sectors, or a round bowl among them."""
    radius = uniform(rng, (125, 165))
    border, gap = uniform(rng, (10, 18)), uniform(rng, (5, 10))
    shares = np.array([0.45, 0.3, 0.25]) if rng.random() < 0.6 else np.array([0.32, 0.26, 0.22, 0.2])
    ends = np.concatenate([[0.0], np.cumsum(shares)]) * 2 * np.pi + uniform(rng, (0, 6.28))
    roles = ("rice", "soup", "side", "side")
    rounding = uniform(rng, (12, 25))
    wells = tuple(
        (role, _sector_distance(radius - border, gap / 2, float(start), float(end), rounding))
        for role, start, end in zip(roles, ends[:-1], ends[1:], strict=False)
    )
    edge = _box_distance((0.0, 0.0, radius, radius), radius)
    return Shape((2 * radius, 2 * radius), radius, round=True, edge=edge, wells=wells)


def _sector_distance(radius: float, gap: float, start: float, end: float, rounding: float) -> Distance:
    def distance(grid: Grid) -> Field:
        from_start = np.cos(start) * grid.y - np.sin(start) * grid.x - gap
        before_end = np.sin(end) * grid.x - np.cos(end) * grid.y - gap
        sharp = np.minimum(np.minimum(from_start, before_end), radius - np.hypot(grid.x, grid.y))
        core = (sharp <= rounding).astype(np.uint8)
        outside = cv2.distanceTransform(core, cv2.DIST_L2, 5) * CELL_MM
        return np.asarray(
            cv2.GaussianBlur(np.where(core > 0, rounding - outside, sharp).astype(np.float32), (0, 0), 1.0),
            np.float32,
        )

    return distance
