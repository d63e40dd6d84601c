"""Closed curves: rounded rectangles, ellipses, and samples with normals along any of them."""

import numpy as np

from appliance.tray.layout import Points


def rounded_rectangle(
    x0: float, y0: float, x1: float, y1: float, radius: float, *, per_corner: int = 8
) -> Points:
    """Return the outline of an axis-parallel rounded rectangle, clockwise as y points down."""
    radius = min(radius, (x1 - x0) / 2, (y1 - y0) / 2)
    turn = np.linspace(0, np.pi / 2, per_corner)
    corners = [
        (x0, y0, 1, 1, np.pi),
        (x1, y0, -1, 1, 1.5 * np.pi),
        (x1, y1, -1, -1, 0.0),
        (x0, y1, 1, -1, 0.5 * np.pi),
    ]
    parts = [
        np.stack(
            [
                x + inx * radius + radius * np.cos(start + turn),
                y + iny * radius + radius * np.sin(start + turn),
            ],
            axis=1,
        )
        for x, y, inx, iny, start in corners
    ]
    return np.concatenate(parts)


def resample(outline: Points, step: float) -> tuple[Points, Points]:
    """Return points about every `step` along a closed polygon and their outward unit normals, (N, 2) each."""
    closed = np.concatenate([outline, outline[:1]])
    sides = np.diff(closed, axis=0)
    lengths = np.hypot(*sides.T)
    keep = lengths > 1e-9
    starts, sides, lengths = closed[:-1][keep], sides[keep], lengths[keep]
    ends = np.cumsum(lengths)
    count = max(8, round(float(ends[-1]) / step))
    at = (np.arange(count) + 0.5) * ends[-1] / count
    side = np.minimum(np.searchsorted(ends, at), len(ends) - 1)
    along = (at - (ends[side] - lengths[side])) / lengths[side]
    points = starts[side] + sides[side] * along[:, None]
    tangents = sides[side] / lengths[side][:, None]
    x, y = outline.T
    clockwise = np.sign(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) or 1.0
    return points, np.stack([tangents[:, 1], -tangents[:, 0]], axis=1) * clockwise
