"""Ground truth of a picture: maps on its pixels, and numbers."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from convert.networks.spec import TRAY_CLASSES
from convert.synth.grid import CELL_MM, Field
from convert.synth.march import Hits, cover_of, look, nearest
from convert.synth.returned import Returned
from convert.synth.scene import FOREIGN, LIQUID, RESIDUE, RICE, SOLID, Scene
from convert.synth.setup import SetUp, volume_mm3
from convert.synth.tray import Well
from convert.synth.view import View

Bytes = npt.NDArray[np.uint8]

HEIGHT_STEPS_PER_MM = 100
DEPTH_STEPS_PER_MM = 50

_FOOD = (RICE, LIQUID, SOLID)
_COVERING_MM = 1.0


@dataclass(frozen=True, eq=False)
class Maps:
    """One value per pixel: class, compartment (0 none), height of food in mm, camera depth in mm."""

    kind: Bytes
    well: Bytes
    height_mm: Field
    depth_mm: Field


def maps(food: Scene, visible: Scene, set_up: SetUp, view: View) -> Maps:
    """Return the maps of a scene, one ray through the middle of each pixel.

    `visible` is `food` with what covers it, or `food` itself. A covered pixel has the compartment below it.
    """
    camera = view.camera
    columns, rows = np.meshgrid(
        np.arange(camera.width, dtype=np.float32), np.arange(camera.height, dtype=np.float32)
    )
    hits = look(food.surface, set_up.tray.grid, view, (columns, rows), cover_of(food, visible))
    cell = nearest(set_up.tray.grid, hits.columns, hits.rows)
    kind, well = food.kind.ravel()[cell], food.well.ravel()[cell]
    kind[hits.covered] = FOREIGN
    edible = np.isin(kind, (*_FOOD, RESIDUE))
    empty = cv2.remap(
        set_up.tray.height, hits.columns, hits.rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    height = np.where(edible, np.maximum(hits.height - empty, 0), 0).astype(np.float32)
    return Maps(kind, well, height, _depth(hits, view))


def _depth(hits: Hits, view: View) -> Field:
    rotation, shift = view.tray_to_camera
    depth = rotation[2, 0] * hits.x + rotation[2, 1] * hits.y - rotation[2, 2] * hits.height + shift[2]
    return np.asarray(depth, np.float32)


def numbers(set_up: SetUp, returned: Returned, view: View, seen: Maps, under: Maps) -> dict[str, Any]:
    """Return what `truth.json` says of the tray: camera, outlines, volumes and states per well."""
    tray = set_up.tray
    corner = np.array(tray.size_mm) / 2
    outline = tray.outline_mm
    shift = np.array([[1, 0, -corner[0]], [0, 1, -corner[1]], [0, 0, 1]])
    rotation, translation = view.tray_to_camera
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * corner
    return {
        "camera": {
            "intrinsics": _rounded(view.camera.intrinsics, 4),
            "rotation": _rounded(rotation, 7),
            "translation_mm": _rounded(translation, 3),
            "height_above_counter_mm": round(view.camera.above_counter_mm, 1),
        },
        "tray": {
            "size_mm": _rounded(np.array(tray.size_mm), 2),
            "corner_radius_mm": round(tray.corner_mm, 2),
            "round": tray.round,
            "material": tray.finish.name,
            "picture_from_tray": _rounded(view.picture_from_plane(0.0) @ shift, 8),
            "corners_px": _rounded(view.project(corners, 0.0), 2),
            "rim_height_mm": round(tray.rim_mm, 2),
            "outline_px": _rounded(view.project(outline, tray.rim_mm * 0.6), 1),
            "counter_mm": round(tray.counter_mm, 2),
            "angle_deg": round(float(np.degrees(view.pose.angle)), 2),
            "outside_picture": round(_outside(view, outline), 4),
        },
        "counter": set_up.counter.name,
        "wells": [_well(set_up, returned, view, (seen, under), well) for well in tray.wells],
    }


def _well(
    set_up: SetUp, returned: Returned, view: View, both: tuple[Maps, Maps], well: Well
) -> dict[str, Any]:
    seen, under = both
    item = set_up.menu[well.id]
    into = set_up.bowls[well.id]
    full = set_up.full_mm3[well.id]
    volume = volume_mm3(returned.food, into)
    mine = under.well == well.id
    hidden = float((seen.kind[mine] == FOREIGN).mean()) if mine.any() else 0.0
    food = mine & np.isin(under.kind, _FOOD)
    hidden_food = float((seen.kind[food] == FOREIGN).mean()) if food.any() else 0.0
    corner = np.array(set_up.tray.size_mm) / 2
    return {
        "id": well.id,
        "role": well.role,
        "dish": item.dish.name,
        "dish_kind": item.dish.kind,
        "photographed": item.photo is not None,
        "state": returned.states.get(well.id, "spotless"),
        "fraction": round(volume / full, 5) if full > 0 else 0.0,
        "volume_cm3": round(volume / 1000, 4),
        "full_volume_cm3": round(full / 1000, 4),
        "contents_cm3": _contents(returned.food, set_up, well),
        "area_fraction": round(_area(returned.food, set_up, well), 4),
        "occluded": round(hidden, 4),
        "occluded_food": round(hidden_food, 4),
        "outside_picture": round(_outside(view, well.opening_mm), 4),
        "depth_mm": round(well.depth_mm, 2),
        "opening_mm": _rounded(well.opening_mm + corner, 1),
        "floor_mm": _rounded(well.floor_mm + corner, 1),
        "opening_px": _rounded(view.project(well.opening_mm, 0.0), 1),
    }


def _contents(scene: Scene, set_up: SetUp, well: Well) -> dict[str, float]:
    """Return the volume below what is seen of each class, straight from above."""
    into = set_up.bowls[well.id]
    window = into.rows, into.columns
    above = np.maximum(scene.surface[window] - into.floor, 0)
    own = scene.well[window] == well.id
    kind = scene.kind[window]
    return {
        TRAY_CLASSES[number]: round(float(above[own & (kind == number)].sum()) * CELL_MM**2 / 1000, 4)
        for number in (RICE, LIQUID, SOLID, RESIDUE)
        if (own & (kind == number)).any()
    }


def _area(scene: Scene, set_up: SetUp, well: Well) -> float:
    into = set_up.bowls[well.id]
    window = into.rows, into.columns
    opening = into.inside > 0
    covered = (scene.surface[window] - into.floor > _COVERING_MM) & np.isin(scene.kind[window], _FOOD)
    return float(covered[opening].mean())


def _outside(view: View, outline: npt.NDArray[np.float64]) -> float:
    """Return the share of an outline's area in the picture's plane that the picture does not show."""
    if len(outline) < 3:
        return 0.0
    width, height = view.camera.width - 0.5, view.camera.height - 0.5
    frame = np.array([[-0.5, -0.5], [width, -0.5], [width, height], [-0.5, height]], np.float32)
    hull = cv2.convexHull(view.project(outline, 0.0).astype(np.float32))
    shown, _ = cv2.intersectConvexConvex(hull, frame)
    return float(np.clip(1 - shown / max(cv2.contourArea(hull), 1e-6), 0, 1))


def _rounded(values: npt.NDArray[np.float64], digits: int) -> list[Any]:
    rounded: list[Any] = np.round(values, digits).tolist()
    return rounded
