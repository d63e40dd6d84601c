"""A line drawn with a few rectangles: what happens is scripted frame by frame."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import cv2
import numpy as np

from appliance.camera.frame import Frame
from appliance.line.trigger import TrayEvent, Trigger, TriggerSettings
from appliance.picture import Picture

SIZE = (320, 240)
TRAY = (170.0, 130.0)


_GRAIN = np.round(np.random.default_rng(4).normal(0, 2, (SIZE[1], SIZE[0], 3))).astype(np.int8)


@dataclass(frozen=True)
class Tray:
    """A tray in the picture: centre in pixels, angle in degrees clockwise, grey of its food."""

    x: float = 160
    y: float = 120
    angle: float = 0
    food: int = 90


@dataclass(frozen=True)
class Shot:
    """What one frame shows; `light` scales it, `boxes` (x, y, width, height, grey) lie over everything."""

    trays: tuple[Tray, ...] = ()
    light: float = 1.0
    boxes: tuple[tuple[int, int, int, int, int], ...] = field(default=())


def _rounded(picture: Picture, tray: Tray, box: tuple[float, float, float, float], grey: int) -> None:
    """Fill a rounded box (centre and size in tray coordinates) of a turned tray."""
    turn = np.deg2rad(tray.angle)
    rotate = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    x, y, wide, high = box
    radius = 0.12 * min(wide, high)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (wide / 2 - radius, high / 2 - radius)
    at = (corners + np.array((x, y))) @ rotate.T + np.array((tray.x, tray.y))
    points = np.round(at * 16).astype(np.int32)
    cv2.fillConvexPoly(picture, points, (grey,) * 3, cv2.LINE_AA, 4)
    cv2.polylines(picture, [points], True, (grey,) * 3, max(1, round(2 * radius)), cv2.LINE_AA, 4)  # noqa: FBT003


def draw(shot: Shot, belt: Picture, rng: np.random.Generator) -> Picture:
    """Draw one picture, with noise."""
    picture = belt.copy()
    for tray in shot.trays:
        paint = partial(_rounded, picture, tray)
        paint((0, 0, *TRAY), 200)
        paint((-38, 25, 78, 62), 150)
        paint((42, 25, 66, 62), tray.food)
        for x in (-54, 0, 54):
            paint((x, -36, 46, 42), 160)
    for x, y, wide, high, grey in shot.boxes:
        cv2.rectangle(picture, (x, y), (x + wide, y + high), (grey,) * 3, -1)
    lit = cv2.convertScaleAbs(picture, alpha=shot.light)
    grain = np.roll(_GRAIN, int(rng.integers(SIZE[1])), axis=0)
    return np.asarray(cv2.add(lit, grain, dtype=cv2.CV_8U), np.uint8)


def watch(
    shots: Iterable[Shot], *, belt: int = 60, size: tuple[float, float] | None = TRAY, fps: float = 10.0
) -> list[tuple[float, TrayEvent]]:
    """Return the events, each with the second at which it came (the first frame is at 0)."""
    rng = np.random.default_rng(6)
    ground = np.full((SIZE[1], SIZE[0], 3), belt, np.float32)
    ground += cv2.resize(rng.normal(0, 6, (30, 40)).astype(np.float32), SIZE)[:, :, None]
    trigger = Trigger(TriggerSettings(), size)
    events = []
    for index, shot in enumerate(shots):
        at_s = index / fps
        stamp = datetime(2026, 3, 2, 3, tzinfo=UTC) + timedelta(seconds=at_s)
        frame = Frame(draw(shot, ground.astype(np.uint8), rng), 1000 + at_s, stamp, index)
        events += [(at_s, event) for event in trigger.feed(frame)]
    return events + [(float("inf"), event) for event in trigger.flush()]
