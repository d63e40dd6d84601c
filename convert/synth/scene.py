"""A tray with food as layers of one height field; materials and classes per cell."""

from dataclasses import dataclass, fields

import cv2
import numpy as np
import numpy.typing as npt

from convert.networks.spec import TRAY_CLASSES
from convert.synth.grid import Colours, Field, Mask
from convert.synth.noise import linear, smooth_noise
from convert.synth.tray import Tray

OUTSIDE, CLEAN, RESIDUE, RICE, LIQUID, SOLID, FOREIGN = range(len(TRAY_CLASSES))

SOLID_DOWN = -1000.0


@dataclass(eq=False)
class Scene:
    """What lies on the counter; all arrays on the tray's grid.

    `surface` is the height in mm of what is seen from above, liquids included. Under a liquid of `liquid_mm`
    the `albedo`, `metal` and `roughness` are those of the bottom. `kind` holds class numbers.
    """

    surface: Field
    albedo: Colours
    metal: Field
    roughness: Field
    bump: Field
    """Fine relief in mm that shades but adds no volume."""
    kind: npt.NDArray[np.uint8]
    well: npt.NDArray[np.uint8]
    liquid_mm: Field
    liquid_colour: Colours
    extinction: Field
    """Of the liquid, per mm."""
    underside: Field
    """Height of the lower side of what hangs over the rest, as a spoon does; `SOLID_DOWN` elsewhere."""

    def copy(self) -> "Scene":
        """Return a scene of its own arrays."""
        return Scene(**{field.name: getattr(self, field.name).copy() for field in fields(self)})


def empty_scene(tray: Tray, rng: np.random.Generator) -> Scene:
    """Return the clean tray on its counter."""
    shape = tray.height.shape
    on_tray = tray.inside > -1
    finish = tray.finish
    albedo = np.broadcast_to(finish.colour, (*shape, 3)).copy()
    metal = np.full(shape, finish.metal, np.float32)
    wear = 1 + 0.25 * smooth_noise(rng, shape, 60, 3)
    roughness = np.clip(finish.roughness * np.clip(wear, 0.5, 2), 0.01, 0.6).astype(np.float32)
    if finish.lip is not None:
        lip = (tray.inside > 0) & (tray.inside < 7)
        albedo[lip], metal[lip], roughness[lip] = finish.lip, 0.4, 0.3
    albedo[~on_tray] = linear("#808080")
    metal[~on_tray] = 0
    bump = streaks(rng, tray) * finish.streaks + smooth_noise(rng, shape, 50, 2) * finish.waviness * 6
    kind = np.where(on_tray, CLEAN, OUTSIDE).astype(np.uint8)
    zero = np.zeros(shape, np.float32)
    return Scene(
        surface=tray.height.copy(),
        albedo=albedo,
        metal=metal,
        roughness=roughness,
        bump=np.where(on_tray, bump, 0).astype(np.float32),
        kind=kind,
        well=tray.index.copy(),
        liquid_mm=zero,
        liquid_colour=np.zeros((*shape, 3), np.float32),
        extinction=zero.copy(),
        underside=np.full(shape, SOLID_DOWN, np.float32),
    )


def streaks(rng: np.random.Generator, tray: Tray) -> Field:
    """Return brushing marks: noise that is long in one direction and fine across it, unit deviation."""
    angle = tray.finish.streak_angle
    x, y = tray.grid.x, tray.grid.y
    across = np.cos(angle) * x + np.sin(angle) * y
    along = -np.sin(angle) * x + np.cos(angle) * y
    lines = rng.standard_normal((8, 2048)).astype(np.float32)
    rows = np.clip((along / 110 + 4).astype(int), 0, 7)
    columns = np.clip((across * 1.6 + 1024).astype(int), 0, 2047)
    return np.asarray(cv2.GaussianBlur(lines[rows, columns], (0, 0), 0.7) * 1.6, np.float32)


def show(scene: Scene, mask: Mask, colour: Colours, share: Field | float, roughness: float) -> None:
    """Cover cells with a thin opaque or translucent layer of `colour`; `share` 0..1 is its opacity."""
    cover = np.where(mask, share, 0).astype(np.float32)
    scene.albedo += (colour - scene.albedo) * cover[..., None]
    scene.metal *= 1 - cover
    scene.roughness += (roughness - scene.roughness) * cover
