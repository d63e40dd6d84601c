"""Where a tray may lie in a picture: rectangles around things that stand out from their surroundings."""

import cv2
import numpy as np
import numpy.typing as npt

from appliance.picture import Picture
from appliance.tray.layout import Points

_LONGEST_SIDE_PX = 192
_SMALLEST_AREA = 0.06
"""Share of the picture below which a thing is too small to be the tray."""

Bits = npt.NDArray[np.uint8]


def outline_candidates(picture: Picture) -> list[Points]:
    """Return rectangles (4, 2), in pixels, corners in order around, that may hold a tray."""
    scale = min(1.0, _LONGEST_SIDE_PX / max(picture.shape[:2]))
    size = (max(8, round(picture.shape[1] * scale)), max(8, round(picture.shape[0] * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    found: list[Points] = []
    for mask in (*_unlike_border(small), *_enclosed_by_edges(small)):
        for quad in _rectangles(mask):
            if not any(_distance(quad, other) < 4 for other in found):
                found.append(quad)
    return [(quad + 0.5) / scale - 0.5 for quad in found]


def _unlike_border(small: Picture) -> list[Bits]:
    """Return masks of what differs in colour from the background, a smooth surface fitted to the border."""
    lab = cv2.medianBlur(cv2.cvtColor(small, cv2.COLOR_BGR2LAB), 5).astype(np.float32)
    height, width = lab.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = 2 * x / width - 1, 2 * y / height - 1
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
    ring = np.ones((height, width), np.bool_)
    edge = max(2, round(0.05 * height))
    ring[edge:-edge, edge:-edge] = False
    at, colours = terms[ring].astype(np.float64), lab[ring].astype(np.float64)
    weights = np.ones(len(at))
    surface = np.zeros((6, 3), np.float64)
    for _ in range(5):
        rows = at * weights[:, None]
        surface[:] = np.linalg.solve(at.T @ rows + 1e-3 * np.eye(6), rows.T @ colours)
        off = np.linalg.norm(colours - at @ surface, axis=1)
        # Geman-McClure weights: a tray or hand that crosses the border must not bend the background.
        weights = 1 / (1 + (off / (2 * np.median(off) + 2)) ** 2) ** 2
    away = np.linalg.norm(lab - terms @ surface.astype(np.float32), axis=2)
    noise = float(np.percentile(away[ring], 60))
    otsu, _ = cv2.threshold(np.minimum(away, 255).astype(np.uint8), 0, 255, cv2.THRESH_OTSU)
    return [
        (away > level).astype(np.uint8) for level in sorted({max(2.5 * noise, 8.0), float(otsu), 0.5 * otsu})
    ]


def _enclosed_by_edges(small: Picture) -> list[Bits]:
    """Return masks of what cannot be reached from the border without crossing an edge."""
    grey = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), (0, 0), 1.0)
    masks = []
    for high in (30, 70):
        edges = cv2.Canny(grey, high / 2, high)
        for reach in (3, 5):
            thick = cv2.dilate(edges, np.ones((reach, reach), np.uint8))
            framed = cv2.copyMakeBorder(thick, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(0,))
            cv2.floodFill(framed, None, (0, 0), (128,))
            closed = (framed[1:-1, 1:-1] != 128).astype(np.uint8)
            masks.append(cv2.erode(closed, np.ones((reach, reach), np.uint8)).astype(np.uint8, copy=False))
    return masks


def _rectangles(mask: Bits) -> list[Points]:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    # A margin around the picture lets opening treat its border like any other.
    margin = max(mask.shape) // 5
    closed = cv2.copyMakeBorder(
        cv2.morphologyEx(mask, cv2.MORPH_CLOSE, kernel), margin, margin, margin, margin, cv2.BORDER_CONSTANT
    )
    least = _SMALLEST_AREA * mask.size
    outer, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    found = []
    for contour in outer:
        if cv2.contourArea(contour) < least:
            continue
        filled = np.zeros(closed.shape, np.uint8)
        cv2.drawContours(filled, [contour], -1, (1,), cv2.FILLED)
        short = min(cv2.minAreaRect(contour)[1])
        for share in (0.08, 0.3):
            # Opening takes away what is thinner than the disc: utensils, then arms and planks.
            parts, _ = cv2.findContours(
                _opened(filled, share * short / 2), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
            )
            found += [quadrilateral(part) - margin for part in parts if cv2.contourArea(part) >= least]
    return found


def quadrilateral(contour: cv2.typing.MatLike) -> Points:
    """Return the corners of the four lines along a contour's sides, or its minimal rectangle."""
    rectangle = np.asarray(cv2.boxPoints(cv2.minAreaRect(contour)), np.float64)
    points = np.asarray(contour, np.float64).reshape(-1, 2)
    lines = []
    for start, end in zip(rectangle, np.roll(rectangle, -1, axis=0), strict=True):
        side = end - start
        length = float(np.hypot(*side)) or 1.0
        along = (points - start) @ side / length**2
        away = np.abs((points - start) @ np.array([-side[1], side[0]])) / length
        # Corners are round, and of the other sides nothing is wanted.
        own = points[(along > 0.2) & (along < 0.8) & (away < 0.12 * length)]
        if len(own) < 5:
            return rectangle
        vx, vy, x, y = cv2.fitLine(own.astype(np.float32), cv2.DIST_HUBER, 0, 0.01, 0.01).ravel()
        lines.append((float(-vy), float(vx), float(vx * y - vy * x)))
    quad = np.empty((4, 2))
    for i, (a, b, c) in enumerate(lines):
        d, e, f = lines[i - 1]
        cross = d * b - a * e
        if abs(cross) < 1e-6:
            return rectangle
        quad[i] = (f * b - c * e) / cross, (d * c - a * f) / cross
    near = np.abs(quad - rectangle).max() < 0.15 * np.hypot(*(rectangle[2] - rectangle[0]))
    return np.asarray(quad if near else rectangle, np.float64)


def _opened(mask: Bits, radius: float) -> Bits:
    """Open by a disc, through distances: with a disc this large that is faster than `morphologyEx`."""
    core = (cv2.distanceTransform(mask, cv2.DIST_L2, 5) > radius).astype(np.uint8)
    if not core.any():
        return core
    return (cv2.distanceTransform(1 - core, cv2.DIST_L2, 5) <= radius).astype(np.uint8)


def _distance(quad: Points, other: Points) -> float:
    """Return how far the corners of one rectangle lie from another's, whichever comes first, in pixels."""
    return min(float(np.abs(np.roll(quad, turn, axis=0) - other).max()) for turn in range(4))
