"""Synthetic wells and pictures of them, in one place."""

import cv2
import numpy as np

from appliance.estimate.profile import WellProfile, well_profile
from appliance.picture import Picture
from appliance.tray.layout import Compartment, Layout, Points
from appliance.tray.references import Calibration

PX_PER_MM = 1.6
TRAY_MM = (220.0, 120.0)


def rectangle(x: float, y: float, width: float, height: float) -> Points:
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float64)


def compartment(
    id_: int = 1,
    *,
    left: float = 10,
    width: float = 95,
    height: float = 100,
    inset: float = 20,
    depth: float = 25,
) -> Compartment:
    return Compartment(
        id=id_,
        name=f"well {id_}",
        outline_mm=rectangle(left, 10, width, height),
        floor_mm=rectangle(left + inset, 10 + inset, width - 2 * inset, height - 2 * inset),
        depth_mm=depth,
    )


def profile(**kwargs: float) -> WellProfile:
    return well_profile(compartment(**kwargs), PX_PER_MM, (192, 352))


def steel(seed: int = 0) -> Picture:
    """A tray of brushed steel with two wells: grey, darker on their walls, smoothly lit, a little noise."""
    random = np.random.default_rng(seed)
    height, width = round(TRAY_MM[1] * PX_PER_MM), round(TRAY_MM[0] * PX_PER_MM)
    light = (
        150
        + 40 * np.sin(np.linspace(0, 5 + seed, width))[None]
        + 20 * np.cos(np.linspace(0, 4, height))[:, None]
    )
    for well in layout().compartments:
        shape = well_profile(well, PX_PER_MM, (height, width))
        light[shape.crop] = np.where(
            shape.opening & ~shape.floor, 0.55 * light[shape.crop], light[shape.crop]
        )
    grey = light + random.normal(0, 1.5, (height, width))
    return np.clip(grey[..., None] * np.array([1.0, 1.0, 1.0]), 0, 255).astype(np.uint8)


def layout() -> Layout:
    return Layout(TRAY_MM, 10.0, (compartment(1, left=10), compartment(2, left=115)))


def with_chopped(picture: Picture, where: np.ndarray, seed: int = 3) -> Picture:
    """Put a coarse, orange food on some pixels."""
    random = np.random.default_rng(seed)
    blobs = random.normal(0, 1, picture.shape[:2]).astype(np.float32)
    blobs = cv2.GaussianBlur(blobs, (0, 0), 1.5) * 120
    food = np.array([40.0, 90.0, 190.0]) + blobs[..., None]
    return np.where(where[..., None], np.clip(food, 0, 255), picture).astype(np.uint8)


def with_soup(picture: Picture, where: np.ndarray) -> Picture:
    """Put a smooth green liquid on some pixels."""
    soup = np.broadcast_to(np.array([40.0, 110.0, 95.0]), picture.shape)
    return np.where(where[..., None], soup, picture).astype(np.uint8)


def below(level: float, id_: int) -> np.ndarray:
    """Return the pixels of the tray that lie below a level of one well."""
    well = well_profile(layout().compartments[id_ - 1], PX_PER_MM, steel().shape[:2])
    mask = np.zeros(steel().shape[:2], np.bool_)
    mask[well.crop] = well.opening & (well.level <= level)
    return mask


def calibration(*, full: bool = True) -> Calibration:
    """Chopped food in well 1 and soup in well 2, both served to 0.7 of the wall."""
    served = with_soup(with_chopped(steel(1), below(0.7, 1)), below(0.7, 2))
    return Calibration(layout(), PX_PER_MM, steel(), served if full else None)
