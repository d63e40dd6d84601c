"""Putting food into wells: rice, heaps of pieces, soups."""

from dataclasses import dataclass

import numpy as np

from convert.synth import heap
from convert.synth import scene as layers
from convert.synth.dishes import Dish
from convert.synth.grains import grain_window
from convert.synth.grid import CELL_MM, Colours, Field, Mask
from convert.synth.heap import Bowl
from convert.synth.noise import Rng, linear, smooth_noise, tinted, uniform
from convert.synth.photos import Photo, patch
from convert.synth.pieces import Piece, Style, cut, draw_piece, resting
from convert.synth.scene import Scene

_MOST_PIECES = 260
_CELL_MM2 = CELL_MM * CELL_MM
_FILM_MM = 0.35
"""A liquid thinner than this is a film."""


@dataclass(frozen=True, eq=False)
class Item:
    """One well's dish of a menu, as it is cooked that day; `volume_mm3` is about a full serving."""

    well: int
    dish: Dish
    volume_mm3: float
    dome_mm: float
    cast: Colours
    """Multiplies all colours of the dish that day."""
    colour: Colours
    """Of the liquid, or a heap's inside."""
    extinction: float
    photo: Photo | None


def serve(rng: Rng, scene: Scene, into: Bowl, item: Item, *, volume_mm3: float, way: str) -> None:
    """Add `volume_mm3` of the dish on top of what lies in the well; `way` is `full` or of `heap.EATEN`."""
    if volume_mm3 < 1:
        return
    if item.dish.kind == "liquid":
        _pour(rng, scene, into, item, volume_mm3)
        return
    below = scene.surface[into.rows, into.columns] - into.floor
    raised = Bowl(into.rows, into.columns, into.floor + below, into.inside, into.x, into.y, into.well)
    steep = uniform(rng, (1.6, 3.0)) if item.dish.kind == "rice" else uniform(rng, (0.9, 1.8))
    whole = item.volume_mm3 * uniform(rng, (0.97, 1.06))
    thick = heap.served(rng, raised, whole if way != "full" else volume_mm3, item.dome_mm, steep)
    if way != "full":
        thick = heap.eaten(rng, raised, thick, volume_mm3=volume_mm3, way=way, slope=steep)
    if item.dish.kind == "rice":
        _rice(rng, scene, raised, item, thick)
    else:
        _solid(rng, scene, raised, item, thick, volume_mm3=volume_mm3)


def cover(
    scene: Scene, into: Bowl, mask: Mask, *, top: Field, albedo: Colours, roughness: float, kind: int
) -> None:
    """Lay something opaque over the cells of the window where `mask` is True."""
    window = into.rows, into.columns
    scene.surface[window][mask] = top[mask]
    scene.albedo[window][mask] = albedo[mask]
    scene.metal[window][mask] = 0
    scene.roughness[window][mask] = roughness
    scene.bump[window][mask] = 0
    scene.kind[window][mask] = kind
    scene.well[window][mask] = into.well.id
    scene.liquid_mm[window][mask] = 0


def _rice(rng: Rng, scene: Scene, into: Bowl, item: Item, thick: Field) -> None:
    grains = grain_window(rng, into.shape)
    rough = np.minimum(thick / 1.5, 1) * 0.75 * grains.height
    height = np.maximum(thick + np.where(thick > 0.25, rough, 0), 0)
    mask = (height > 0.5) & (thick > 0.25)
    palette = np.stack([linear(code) for code in item.dish.colour])
    share = np.array([0.6] + [0.4 / max(len(palette) - 1, 1)] * (len(palette) - 1))
    table = palette[rng.choice(len(palette), size=1024, p=share / share.sum())]
    shades = table * rng.uniform(0.94, 1.1, (1024, 1))
    albedo: Colours = np.clip(shades[grains.grain % 1024] * item.cast, 0, 0.93).astype(np.float32)
    gaps = np.clip(1 + 0.05 * grains.height, 0.88, 1.06)
    albedo *= (gaps * np.clip(1 + 0.04 * smooth_noise(rng, into.shape, 20, 2), 0.8, 1.1))[..., None]
    if item.photo is not None:
        albedo = np.asarray(0.55 * albedo + 0.45 * _picture(rng, item, item.photo, into), np.float32)
    cover(scene, into, mask, top=into.floor + height, albedo=albedo, roughness=0.42, kind=layers.RICE)


def _solid(rng: Rng, scene: Scene, into: Bowl, item: Item, thick: Field, *, volume_mm3: float) -> None:
    if item.photo is not None and rng.random() < 0.8:
        _photographed(scene, into, _picture(rng, item, item.photo, into), thick)
        return
    # Under many small pieces lies a heap of the same, which need not be laid piece by piece.
    largest = max(style.length[1] * style.width[1] for style in item.dish.pieces)
    heaped = largest < 200 or all(style.soft for style in item.dish.pieces)
    filled = 0.0
    if heaped:
        inner = np.where(thick > 3, 0.72 * thick, 0)
        albedo = item.colour * np.exp(0.3 * smooth_noise(rng, into.shape, 6, 3))[..., None]
        top, colour = into.floor + inner, albedo.astype(np.float32)
        cover(scene, into, inner > 0, top=top, albedo=colour, roughness=0.4, kind=layers.SOLID)
        filled = float(inner.sum()) * _CELL_MM2
    goal, missing = into.floor + thick, volume_mm3 - filled
    add_pieces(rng, scene, into, item, item.dish.pieces, goal=goal, volume_mm3=missing, kind=layers.SOLID)


def _picture(rng: Rng, item: Item, photo: Photo, into: Bowl) -> Colours:
    return np.asarray(np.clip(patch(rng, photo, into.shape) * item.cast, 0, 0.93), np.float32)


def _photographed(scene: Scene, into: Bowl, picture: Colours, thick: Field) -> None:
    bright = picture.mean(axis=2)
    relief = np.clip((bright / max(float(bright.mean()), 1e-3) - 1) * 2.5, -2, 2.5)
    height = thick + np.minimum(thick / 5, 1) * relief
    cover(
        scene, into, height > 0.9, top=into.floor + height, albedo=picture, roughness=0.3, kind=layers.SOLID
    )


def add_pieces(
    rng: Rng,
    scene: Scene,
    into: Bowl,
    item: Item,
    styles: tuple[Style, ...],
    *,
    goal: Field,
    volume_mm3: float,
    kind: int,
) -> None:
    """Drop pieces where the surface is furthest below `goal` until about `volume_mm3` has been added."""
    left = volume_mm3
    weights = np.array([0.6**i for i in range(len(styles))])
    step = 3
    for _ in range(_MOST_PIECES):
        missing = goal[::step, ::step] - scene.surface[into.rows, into.columns][::step, ::step]
        chance = np.where(goal > into.floor + 0.7, 1, 0)[::step, ::step] * np.clip(missing + 1.5, 0, 12) ** 2
        if left <= 0 or chance.sum() <= 0:
            return
        place = int(rng.choice(chance.size, p=(chance / chance.sum()).ravel()))
        row, column = (step * int(i) for i in np.unravel_index(place, chance.shape))
        style = styles[int(rng.choice(len(styles), p=weights / weights.sum()))]
        piece = draw_piece(rng, style)
        volume = float(piece.height.sum()) * _CELL_MM2
        if volume > 1.3 * left:
            piece = cut(rng, piece, left / volume)
        left -= drop(scene, into, piece, (row, column), style=style, kind=kind, cast=item.cast)


def drop(
    scene: Scene, into: Bowl, piece: Piece, place: tuple[int, int], *, style: Style, kind: int, cast: Colours
) -> float:
    """Let a piece come to rest around a cell of the window; returns the volume in mm3 that it adds."""
    rows, columns = piece.height.shape
    top, left = place[0] - rows // 2, place[1] - columns // 2
    clip_top, clip_left = max(0, -top), max(0, -left)
    clip_bottom = min(rows, into.shape[0] - top)
    clip_right = min(columns, into.shape[1] - left)
    if clip_bottom - clip_top < 2 or clip_right - clip_left < 2:
        return 0.0
    part = slice(clip_top, clip_bottom), slice(clip_left, clip_right)
    piece = Piece(piece.height[part], piece.albedo[part], piece.bump[part])
    here = slice(top + clip_top, top + clip_bottom), slice(left + clip_left, left + clip_right)
    surface = scene.surface[into.rows, into.columns][here]
    resting_top = resting(surface, piece, soft=style.soft)
    seen = (resting_top > surface + 0.05) & (into.inside[here] > 0.5)
    if not seen.any():
        return 0.0
    added = float((resting_top[seen] - surface[seen]).sum()) * _CELL_MM2
    small = Bowl(
        slice(into.rows.start + here[0].start, into.rows.start + here[0].stop),
        slice(into.columns.start + here[1].start, into.columns.start + here[1].stop),
        into.floor[here],
        into.inside[here],
        into.x[here],
        into.y[here],
        into.well,
    )
    albedo = np.clip(piece.albedo * cast, 0, 0.93).astype(np.float32)
    cover(scene, small, seen, top=resting_top, albedo=albedo, roughness=style.roughness, kind=kind)
    scene.bump[small.rows, small.columns][seen] = piece.bump[seen]
    return added


def _pour(rng: Rng, scene: Scene, into: Bowl, item: Item, volume_mm3: float) -> None:
    window = into.rows, into.columns
    before = float((scene.surface[window] - into.floor).sum()) * _CELL_MM2
    share = uniform(rng, (0.0, 0.3)) if item.dish.pieces else 0.0
    if share > 0:
        # Pieces sink to the floor; on the walls they would stick out all around.
        deep = into.inside > into.well.taper_mm * uniform(rng, (0.7, 1.1))
        low = into.floor + np.where(deep, uniform(rng, (4, 12)), 0)
        solid = item.dish.pieces[: 1 + int(rng.integers(len(item.dish.pieces)))]
        goal = np.maximum(low, scene.surface[window])
        sunk = share * volume_mm3
        add_pieces(rng, scene, into, item, solid, goal=goal, volume_mm3=sunk, kind=layers.LIQUID)
    bottom = scene.surface[window].copy()
    depth = heap.waterline(rng, into, volume_mm3 + before, bottom)
    wet = depth > _FILM_MM
    scene.surface[window][wet] += depth[wet]
    scene.liquid_mm[window][wet] = depth[wet]
    scene.kind[window][wet] = layers.LIQUID
    scene.well[window][wet] = into.well.id
    colour = item.colour * np.exp(0.08 * smooth_noise(rng, into.shape, 30, 3))[..., None]
    scene.liquid_colour[window][wet] = colour[wet]
    scene.extinction[window][wet] = item.extinction * np.exp(0.25 * smooth_noise(rng, into.shape, 40, 2))[wet]
    if item.photo is not None:
        _photographed_liquid(scene, into, _picture(rng, item, item.photo, into), wet)
    elif item.dish.oil:
        _oil(rng, scene, into, wet)
    if item.dish.pieces and wet.sum() > 300:
        _floating(rng, scene, into, item, wet)
    _dry_pieces(scene, into, wet)


def _dry_pieces(scene: Scene, into: Bowl, wet: Mask) -> None:
    """Call what is left of a soup's pieces with no liquid around solid food."""
    window = into.rows, into.columns
    if wet.sum() < 60:
        here = scene.kind[window]
        here[(here == layers.LIQUID) & ~wet] = layers.SOLID


def _photographed_liquid(scene: Scene, into: Bowl, picture: Colours, wet: Mask) -> None:
    window = into.rows, into.columns
    scene.liquid_colour[window][wet] = picture[wet]
    scene.extinction[window][wet] = np.maximum(scene.extinction[window][wet], 0.35)


def _oil(rng: Rng, scene: Scene, into: Bowl, wet: Mask) -> None:
    drops = smooth_noise(rng, into.shape, uniform(rng, (3, 9)), 2) > rng.uniform(0.9, 2.0)
    drops &= wet
    window = into.rows, into.columns
    tint = tinted(rng, linear("#d8641c"), 0.15)
    scene.liquid_colour[window][drops] = 0.4 * scene.liquid_colour[window][drops] + 0.6 * tint
    scene.extinction[window][drops] = np.maximum(scene.extinction[window][drops], 0.5)


def _floating(rng: Rng, scene: Scene, into: Bowl, item: Item, wet: Mask) -> None:
    rows, columns = np.nonzero(wet)
    for _ in range(int(rng.integers(0, 14))):
        style = item.dish.pieces[int(rng.integers(len(item.dish.pieces)))]
        piece = draw_piece(rng, style)
        sunk = np.where(piece.height > 0.85 * piece.height.max(), 0.6, 0).astype(np.float32)
        flat = Piece(sunk if not style.soft else np.minimum(piece.height, 1.0), piece.albedo, piece.bump)
        at = int(rng.integers(len(rows)))
        place = int(rows[at]), int(columns[at])
        drop(scene, into, flat, place, style=style, kind=layers.LIQUID, cast=item.cast)
