"""The tray types that the simulator can paint: sizes as those of common canteen trays, in millimetres."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from appliance.tray.layout import Compartment, Layout, Points

TrayKind = Literal["steel-5", "steel-6", "plastic-4"]
Material = Literal["steel", "plastic"]


@dataclass(frozen=True)
class Well:
    """A tapered well in tray millimetres: a rounded rectangle, its floor `inset_mm` further in all round."""

    dish: str
    centre_mm: tuple[float, float]
    half_mm: tuple[float, float]
    radius_mm: float
    inset_mm: float


@dataclass(frozen=True)
class Tray:
    """A tray type; `wells` in reading order (rows from the top, each from the left), ids count from 1."""

    material: Material
    size_mm: tuple[float, float]
    corner_radius_mm: float
    depth_mm: float
    wells: tuple[Well, ...]


def _row(
    dishes: Sequence[str],
    *,
    width_mm: float,
    edge_mm: float,
    y_mm: float,
    half_height_mm: float,
    inset_mm: float,
) -> tuple[Well, ...]:
    """Return wells of equal width side by side, `edge_mm` from the tray's edges and 10 mm from each other."""
    bridge_mm = 10.0
    pitch_mm = (width_mm - 2 * edge_mm + bridge_mm) / len(dishes)
    half_width_mm = (pitch_mm - bridge_mm) / 2
    return tuple(
        Well(
            dish,
            (edge_mm + half_width_mm + i * pitch_mm, y_mm),
            (half_width_mm, half_height_mm),
            min(half_width_mm, half_height_mm) * (0.68 if len(dishes) > 2 else 0.45),
            inset_mm,
        )
        for i, dish in enumerate(dishes)
    )


def _steel(
    width_mm: float, height_mm: float, depth_mm: float, top: Sequence[str], bottom: Sequence[str]
) -> Tray:
    side = _row(top, width_mm=width_mm, edge_mm=16, y_mm=66, half_height_mm=50, inset_mm=20)
    main_half_mm = (height_mm - 126 - 16) / 2
    main = _row(
        bottom,
        width_mm=width_mm,
        edge_mm=16,
        y_mm=126 + main_half_mm,
        half_height_mm=main_half_mm,
        inset_mm=24,
    )
    return Tray("steel", (width_mm, height_mm), 40.0, depth_mm, side + main)


TRAYS: dict[TrayKind, Tray] = {
    "steel-5": _steel(375, 290, 27, ("meat", "kimchi", "greens"), ("rice", "soup")),
    "steel-6": _steel(380, 290, 26, ("anchovy", "kimchi", "meat", "greens"), ("rice", "red-soup")),
    "plastic-4": Tray(
        "plastic",
        (400, 300),
        30.0,
        25.0,
        (
            Well("greens", (88, 76), (68, 54), 24, 12),
            Well("meat", (240, 76), (68, 54), 24, 12),
            Well("rice", (112, 215), (92, 62), 26, 14),
            Well("soup", (302, 214), (70, 70), 70, 16),
        ),
    ),
}


def _rounded_rectangle(well: Well, inset_mm: float) -> Points:
    half = np.asarray(well.half_mm) - inset_mm
    radius = min(max(well.radius_mm - inset_mm, 4.0), float(half.min()))
    quarter = np.linspace(0.0, np.pi / 2, 9)
    arcs = []
    for turn, (sx, sy) in enumerate(((1, 1), (-1, 1), (-1, -1), (1, -1))):
        angles = quarter + turn * np.pi / 2
        corner = np.asarray(well.centre_mm) + (half - radius) * (sx, sy)
        arcs.append(corner + radius * np.column_stack((np.cos(angles), np.sin(angles))))
    return np.concatenate(arcs).astype(np.float64)


@cache
def layout_of(kind: TrayKind) -> Layout:
    """Return the true layout of a tray type, its compartments numbered from 1 in reading order."""
    tray = TRAYS[kind]
    return Layout(
        tray_mm=tray.size_mm,
        corner_radius_mm=tray.corner_radius_mm,
        compartments=tuple(
            Compartment(
                id=number,
                name=well.dish,
                outline_mm=_rounded_rectangle(well, 0.0),
                floor_mm=_rounded_rectangle(well, well.inset_mm),
                depth_mm=tray.depth_mm,
            )
            for number, well in enumerate(tray.wells, start=1)
        ),
    )
