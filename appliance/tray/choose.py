"""Choose the wells' openings among many shapes that follow edges."""

import cv2
import numpy as np
import numpy.typing as npt

from appliance.tray.shape import Shape

Scored = tuple[float, Shape]

CHANCE_SCORE = 0.4
"""Outlines that follow no real edge hardly ever score more."""

_LARGEST_SHARE = 0.75
"""A tray has two wells or more."""

_LEAST_RIM_MM = 4.0
_LEAST_BRIDGE_MM = 2.0
_TOUCHING = 0.003
"""Shares of two openings, as far as the bridge between them, that may overlap: nothing but rounding."""

_PARALLAX_MM = 14.0
"""How far a floor 30 mm down appears shifted against its opening at the edge of a wide-angle picture."""

_OFF_CENTRE = 0.15
_FLOOR_WEIGHT = 0.5
_STARTS = 40
_MASK_PX_PER_MM = 0.5


def choose(pool: list[Scored], px_per_mm: float, view_size: tuple[int, int]) -> list[Scored]:
    """Choose the openings: shapes, with their scores, that lie apart.

    Of all such sets the one whose clear outlines cover most of the tray is taken; an outline explains the
    concentric one inside it too, its floor. The set is searched greedily from every start. `view_size` is
    width and height in pixels.
    """
    whole = Shape(0, 0, *view_size, 0).grown(-_LEAST_RIM_MM * px_per_mm)
    largest = _LARGEST_SHARE * view_size[0] * view_size[1]
    shapes = distinct(pool, 3 * px_per_mm, CHANCE_SCORE)
    own = [(score - CHANCE_SCORE) * shape.area for score, shape in shapes]
    values = np.zeros(len(shapes))
    for i, (score, shape) in enumerate(shapes):
        if (
            whole.holds(shape)
            and shape.area < largest
            and not _spans_several(score, shape, shapes, px_per_mm)
        ):
            floors = [own[j] for j, (_, other) in enumerate(shapes) if _is_floor(other, shape, px_per_mm)]
            values[i] = own[i] + _FLOOR_WEIGHT * max(floors, default=0.0)
    order = [int(i) for i in np.argsort(-values) if values[i] > 0]
    if not order:
        return []
    apart = _apart([shapes[i][1] for i in order], px_per_mm, view_size)
    best: list[int] = []
    best_value = 0.0
    for first in range(min(_STARTS, len(order))):
        chosen = [first]
        for i in range(len(order)):
            if apart[i, chosen].all():
                chosen.append(i)
        value = sum(values[order[i]] for i in chosen)
        if value > best_value:
            best, best_value = chosen, value
    return [shapes[order[i]] for i in best]


def distinct(pool: list[tuple[float, Shape]], px: float, least: float) -> list[tuple[float, Shape]]:
    """Return the shapes that score `least` or more, best first, none within `px` of a better one."""
    kept: list[tuple[float, Shape]] = []
    for score, shape in sorted(pool, key=lambda scored: -scored[0]):
        if score < least:
            break
        if not any(shape.alike(other, px) for _, other in kept):
            kept.append((score, shape))
    return kept


def _is_floor(inner: Shape, opening: Shape, px_per_mm: float) -> bool:
    """Whether a shape lies well inside an opening and about concentric with it."""
    return (
        opening.grown(-4 * px_per_mm).holds(inner)
        and _concentric(inner, opening, px_per_mm)
        and inner.area > 0.1 * opening.area
    )


def _concentric(inner: Shape, outer: Shape, px_per_mm: float) -> bool:
    parallax = _PARALLAX_MM * px_per_mm
    return abs(inner.centre[0] - outer.centre[0]) < max(parallax, _OFF_CENTRE * outer.width) and abs(
        inner.centre[1] - outer.centre[1]
    ) < max(parallax, _OFF_CENTRE * outer.height)


def _spans_several(score: float, outer: Shape, shapes: list[Scored], px_per_mm: float) -> bool:
    """Whether a shape holds a clearer one away from its centre: then it runs around several wells."""
    around = outer.grown(2 * px_per_mm)
    return any(
        other >= score
        and around.holds(shape)
        and not _concentric(shape, outer, px_per_mm)
        and shape.area > 0.08 * outer.area
        for other, shape in shapes
    )


def _apart(shapes: list[Shape], px_per_mm: float, view_size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Return which shapes leave room for a bridge between each other, (N, N)."""
    scale = _MASK_PX_PER_MM / px_per_mm
    size = (round(view_size[1] * scale), round(view_size[0] * scale))
    masks = np.zeros((len(shapes), *size), np.uint8)
    for mask, shape in zip(masks, shapes, strict=True):
        outline = shape.grown(_LEAST_BRIDGE_MM / 2 * px_per_mm).outline() * scale
        cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], (1,), shift=4)
    flat = masks.reshape(len(shapes), -1).astype(np.float32)
    areas = flat.sum(axis=1)
    return np.asarray(flat @ flat.T <= _TOUCHING * np.minimum(areas[:, None], areas), np.bool_)
