"""The fast renderer: rays against height fields, mirrored rooms, soft shadows.

Shading follows the usual split of a diffuse and a mirrored part with Schlick's approximation of Fresnel's
reflectance (C. Schlick, "An Inexpensive BRDF Model for Physically-based Rendering", 1994, section 3); rough
mirrors look up blurred pictures of the room. Metals mirror the food and the walls around them once, and the
room a second time; what hangs over the tray is not mirrored.
"""

from dataclasses import dataclass, fields

import cv2
import numpy as np

from convert.synth.counter import Counter
from convert.synth.grid import Colours, Field, Grid
from convert.synth.light import irradiance, slopes
from convert.synth.march import Cells, Hits, bounce, cover_of, look
from convert.synth.noise import Rng
from convert.synth.room import Room
from convert.synth.scene import OUTSIDE, RICE, SOLID, Scene
from convert.synth.view import View

OVERSAMPLING = 1.5
"""Rays along each side of a pixel."""

_WATER = 0.035
_DIELECTRIC = 0.045
_WET_MM = 0.05
_WHITEST = 3.0


@dataclass(frozen=True, eq=False)
class Stage:
    """Where a scene stands: its raster, the camera and pose, the room and the counter."""

    grid: Grid
    view: View
    room: Room
    counter: Counter


@dataclass(eq=False)
class _Points:
    """What is known at the hit points, flat arrays of N."""

    x: Field
    y: Field
    height: Field
    albedo: Colours
    metal: Field
    light: Colours
    sky: Field
    slope_x: Field
    slope_y: Field
    roughness: Field
    liquid_mm: Field


@dataclass(frozen=True, eq=False)
class _Lit:
    """A scene under the room's light: diffuse light, openness, slopes and how much these vary, per cell."""

    scene: Scene
    light: Colours
    sky: Field
    slope_x: Field
    slope_y: Field
    unevenness: Field


def render(rng: Rng, food: Scene, visible: Scene, stage: Stage) -> Colours:
    """Return the radiance per pixel, (height, width, 3), linear.

    `visible` is `food` with what hangs over it, or `food` itself; `rng` draws the grain of brushed steel.
    """
    camera, room = stage.view.camera, stage.room
    cover = cover_of(food, visible)
    hits = look(food.surface, stage.grid, stage.view, _pixels(camera.width, camera.height), cover)
    below = _lit(food, visible.surface, stage)
    points = _points(below, stage, hits)
    if cover is not None:
        # What lies on top is hardly in any shadow.
        above = _points(_lit(visible, None, stage), stage, hits)
        covered = hits.covered.ravel()
        for field in fields(_Points):
            getattr(points, field.name)[covered] = getattr(above, field.name)[covered]
    colour = _shade(rng, below, stage, points).reshape(*hits.x.shape, 3)
    white = room.ambient + sum(lamp.irradiance for lamp in room.lamps)
    # What is far brighter than white is white in any case; kept, it would show the raster's steps at edges.
    colour = np.minimum(colour, _WHITEST * float(np.mean(white)))
    size = camera.width, camera.height
    return np.asarray(cv2.resize(colour, size, interpolation=cv2.INTER_AREA), np.float32)


def _lit(scene: Scene, shading: Field | None, stage: Stage) -> _Lit:
    light, sky = irradiance(scene.surface, scene.bump, shading, stage.room, stage.view.pose)
    relief = np.where(scene.liquid_mm > 0, 0, scene.bump)
    dx, dy = slopes(np.asarray(cv2.GaussianBlur(scene.surface, (0, 0), 0.8) + relief, np.float32))
    smooth_x, smooth_y, square = (cv2.GaussianBlur(f, (0, 0), 1.2) for f in (dx, dy, dx * dx + dy * dy))
    unevenness = np.clip(square - smooth_x**2 - smooth_y**2, 0, 0.3)
    return _Lit(scene, _scattered(scene, light), sky, dx, dy, unevenness)


def _pixels(width: int, height: int) -> tuple[Field, Field]:
    columns = (np.arange(round(width * OVERSAMPLING)) + 0.5) / OVERSAMPLING - 0.5
    rows = (np.arange(round(height * OVERSAMPLING)) + 0.5) / OVERSAMPLING - 0.5
    u, v = np.meshgrid(columns.astype(np.float32), rows.astype(np.float32))
    return u, v


def _scattered(scene: Scene, light: Colours) -> Colours:
    """Soften the light on food, into which it enters and comes out beside."""
    light = light * np.where(scene.kind == RICE, np.float32(1.12), np.float32(1))[..., None]
    share = np.where(scene.kind == RICE, 0.75, np.where(scene.kind == SOLID, 0.4, 0))
    soft = share.astype(np.float32)[..., None]
    return np.asarray(light * (1 - soft) + cv2.GaussianBlur(light, (0, 0), 1.8) * soft, np.float32)


def _gather(field: Field | Colours, hits: Hits) -> Field:
    taken = cv2.remap(field, hits.columns, hits.rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(taken.reshape(-1, *taken.shape[2:]), np.float32)


def _points(lit: _Lit, stage: Stage, hits: Hits) -> _Points:
    scene, pose, counter = lit.scene, stage.view.pose, stage.counter
    on_counter = (scene.kind == OUTSIDE).astype(np.float32)
    material = _gather(np.dstack([scene.metal, scene.roughness, scene.liquid_mm, on_counter]), hits)
    shape = _gather(np.dstack([lit.slope_x, lit.slope_y, lit.sky, lit.unevenness]), hits)
    albedo, light = _gather(scene.albedo, hits), _gather(lit.light, hits)
    metal, roughness, liquid, bare = np.ascontiguousarray(material.T)
    x, y = pose.to_room(hits.x, hits.y)
    albedo += (counter.at(x + pose.x_mm, y + pose.y_mm).reshape(-1, 3) - albedo) * bare[:, None]
    metal *= 1 - bare
    roughness += (counter.roughness - roughness) * bare
    wet = liquid > _WET_MM
    if wet.any():
        albedo[wet] = _through(scene, hits, albedo, metal, wet)
        metal[wet], roughness[wet] = 0, 0.03
    # Varying slopes mirror like a rougher surface (M. Toksvig, "Mipmapping Normal Maps", 2005).
    roughness = np.sqrt(roughness**2 + 0.35 * shape[:, 3] * (1 - bare))
    return _Points(
        hits.x.ravel(),
        hits.y.ravel(),
        hits.height.ravel(),
        albedo,
        metal,
        light,
        shape[:, 2],
        shape[:, 0],
        shape[:, 1],
        roughness,
        liquid,
    )


def _through(
    scene: Scene, hits: Hits, albedo: Colours, metal: Field, wet: np.typing.NDArray[np.bool_]
) -> Colours:
    """Return what a liquid looks like over its bottom, as an albedo: absorbed below, scattered within."""
    body = _gather(np.dstack([scene.liquid_colour, scene.extinction]), hits)[wet]
    colour, extinction = body[:, :3], body[:, 3:4]
    depth = _gather(scene.liquid_mm, hits)[wet][:, None]
    bottom = albedo[wet] * (1 - 0.4 * metal[wet][:, None])
    tone = colour / np.maximum(colour.max(axis=1, keepdims=True), 1e-3)
    passed = np.exp(-2 * extinction * depth * (1.6 - tone))
    scattered = 1 - np.exp(-1.6 * extinction * depth)
    return np.asarray(bottom * passed * (1 - 0.5 * scattered) + colour * scattered, np.float32)


def _shade(rng: Rng, lit: _Lit, stage: Stage, points: _Points) -> Colours:
    eye = stage.view.eye.astype(np.float32)
    to_eye = np.stack([eye[0] - points.x, eye[1] - points.y, -eye[2] - points.height])
    to_eye /= np.linalg.norm(to_eye, axis=0)
    grain = points.metal * 0.1 * points.roughness
    normal = np.stack(
        [
            -points.slope_x + grain * rng.standard_normal(len(grain)).astype(np.float32),
            -points.slope_y + grain * rng.standard_normal(len(grain)).astype(np.float32),
            np.ones_like(points.slope_x),
        ]
    )
    normal /= np.linalg.norm(normal, axis=0)
    facing = np.clip((normal * to_eye).sum(axis=0), 0.02, 1)
    mirrored = 2 * facing * normal - to_eye
    seen = _mirrored(lit, stage, points, mirrored)
    base = np.where(points.liquid_mm > _WET_MM, _WATER, _DIELECTRIC)[:, None]
    at_right_angle = points.metal[:, None] * points.albedo + (1 - points.metal[:, None]) * base
    schlick = (1 - facing) ** 5 * (1 - points.roughness) ** 2
    fresnel = at_right_angle + (1 - at_right_angle) * schlick[:, None]
    open_ = np.where(points.metal > 0.3, 1.0, points.sky)[:, None]
    diffuse = points.albedo * (1 - points.metal[:, None]) * points.light
    return np.asarray(diffuse + fresnel * seen * open_, np.float32)


def _mirrored(lit: _Lit, stage: Stage, points: _Points, direction: Field) -> Colours:
    scene = lit.scene
    seen = _room(stage, (points.x, points.y, points.height), direction, points.roughness)
    glossy = np.flatnonzero((points.metal > 0.25) | (points.liquid_mm > _WET_MM))
    if not len(glossy):
        return seen
    start = points.x[glossy], points.y[glossy], points.height[glossy]
    way = direction[0, glossy], direction[1, glossy], direction[2, glossy]
    cell = bounce(scene.surface, stage.grid, start, way)
    hit = np.flatnonzero(cell >= 0)
    if not len(hit):
        return seen
    target, source = cell[hit], glossy[hit]
    albedo, metal = scene.albedo.reshape(-1, 3)[target], scene.metal.ravel()[target][:, None]
    wet = scene.liquid_mm.ravel()[target] > _WET_MM
    albedo[wet] = scene.liquid_colour.reshape(-1, 3)[target[wet]]
    metal[wet] = 0
    dull = albedo * (1 - metal) * lit.light.reshape(-1, 3)[target]
    again = _second(lit, stage, target, direction[:, source], points.roughness[source])
    seen[source] = dull + albedo * metal * again * (0.35 + 0.65 * lit.sky.ravel()[target][:, None])
    return seen


def _second(lit: _Lit, stage: Stage, cell: Cells, coming: Field, rough: Field) -> Colours:
    """Return what a mirrored ray sees after it was mirrored again at `cell`."""
    normal = np.stack(
        [-lit.slope_x.ravel()[cell], -lit.slope_y.ravel()[cell], np.ones(len(cell), np.float32)]
    )
    normal /= np.linalg.norm(normal, axis=0)
    leaving = coming - 2 * (coming * normal).sum(axis=0) * normal
    row, column = np.divmod(cell, stage.grid.columns)
    place = stage.grid.x[0, column], stage.grid.y[row, 0], lit.scene.surface.ravel()[cell]
    return _room(stage, place, leaving, np.minimum(rough * 1.5 + 0.05, 0.7))


def _room(stage: Stage, place: tuple[Field, Field, Field], direction: Field, rough: Field) -> Colours:
    view, room, pose = stage.view, stage.room, stage.view.pose
    dx, dy = pose.to_room(direction[0], direction[1])
    x, y = pose.to_room(place[0], place[1])
    x, y = x + np.float32(pose.x_mm), y + np.float32(pose.y_mm)
    seen = room.radiance((x, y), (dx, dy, direction[2]), rough)
    up = np.maximum(direction[2], 0.05)
    climb = view.camera.above_counter_mm + view.counter_mm - place[2]
    width = 12 + np.tan(np.clip(rough, 0, 0.7)) * climb
    blocked = np.ones_like(up)
    for position, way, half in ((x, dx, room.housing_mm[0]), (y, dy, room.housing_mm[1])):
        blocked *= np.clip((half - np.abs(position + way / up * climb)) / width + 0.5, 0, 1)
    return np.asarray(seen * (1 - 0.95 * blocked)[:, None], np.float32)
