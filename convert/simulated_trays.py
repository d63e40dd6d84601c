"""Top views of trays from the appliance's own simulator, where no pictures are at hand."""

import itertools
from collections.abc import Iterator
from typing import Final, Literal, get_args

import cv2
import numpy as np

from appliance.camera.settings import SimulatorSettings
from appliance.camera.simulation.kinds import TRAYS, TrayKind
from appliance.camera.simulation.tray_painter import paint_tray
from appliance.camera.simulation.view import View
from appliance.picture import Picture

_BELTS: Final[tuple[Literal["dark", "light"], ...]] = ("dark", "light")
_TILTS_DEG: Final = (0.0, 6.0)
_FULL_SHARE: Final = 0.25
_EMPTY_SHARE: Final = 0.25
_LITTER_SHARE: Final = 0.25
_DARKEST: Final = 0.75
_BRIGHTEST: Final = 1.15
_SHIFT_MM: Final = 4.0
"""Of the top view against the tray, for locating is never exact."""


def simulated_trays(width: int, height: int, count: int, seed: int) -> Iterator[Picture]:
    """Yield `count` top views of trays, (height, width, 3), as the device's rectification gives them.

    All tray types in turn, each well full, empty or anything between, some with a spoon or a napkin, seen at
    any angle, on dark and light belts, under more or less light. The same seed gives the same pictures,
    and the first of many are those of few.
    """
    views = [
        View(SimulatorSettings(belt=belt, tilt_deg=tilt_deg, seed=1))
        for belt, tilt_deg in itertools.product(_BELTS, _TILTS_DEG)
    ]
    kinds: tuple[TrayKind, ...] = get_args(TrayKind)
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        yield _top_view(
            kinds[number % len(kinds)], views[number // len(kinds) % len(views)], (width, height), number, rng
        )


def _top_view(
    kind: TrayKind, view: View, size: tuple[int, int], number: int, rng: np.random.Generator
) -> Picture:
    angle_deg = float(rng.uniform(0, 360))
    x_mm, y_mm = (float(rng.uniform(-25, 25)) for _ in range(2))
    painted = paint_tray(
        kind,
        {well: _leftover(rng) for well in range(1, len(TRAYS[kind].wells) + 1)},
        angle_deg=angle_deg,
        px_per_mm=1.2 * view.px_per_mm,
        seed=int(rng.integers(2**31)),
        litter=bool(rng.random() < _LITTER_SHARE),
    )
    picture = view.belt(float(rng.uniform(0, 1000)))
    view.lay(picture, painted.sprite, view.place(painted.sprite.px_per_mm, x_mm, y_mm, angle_deg), (0.0, 0.0))
    photographed = view.expose(picture, np.full(3, rng.uniform(_DARKEST, _BRIGHTEST)), number)
    picture_from_tray = view.place(1.0, x_mm, y_mm, angle_deg)
    return _rectified(photographed, picture_from_tray, TRAYS[kind].size_mm, size, rng)


def _rectified(
    picture: Picture,
    picture_from_tray: np.typing.NDArray[np.float64],
    tray_mm: tuple[float, float],
    size: tuple[int, int],
    rng: np.random.Generator,
) -> Picture:
    shift = rng.uniform(-_SHIFT_MM, _SHIFT_MM, 2) - np.array(tray_mm) / 2
    scale = np.array(tray_mm) / size
    tray_from_view = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]], [0, 0, 1]])
    view = cv2.warpPerspective(
        picture, picture_from_tray @ tray_from_view, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    return view.astype(np.uint8, copy=False)


def _leftover(rng: np.random.Generator) -> float:
    """Return how much of a serving is left in a well, 0 to 1."""
    kind = rng.random()
    if kind < _EMPTY_SHARE:
        return 0.0
    return 1.0 if kind > 1 - _FULL_SHARE else float(rng.uniform(0.03, 0.97))
