"""The folder `rendered_trays`: exact poses, wells and volumes of path-traced trays, as its README says."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from appliance.picture import Picture, load_picture
from appliance.tray.layout import Compartment, Layout, Points
from convert.errors import ConvertError

Matrix = npt.NDArray[np.float64]

LIQUID_CLASS, RICE_CLASS = 4, 3


@dataclass(frozen=True)
class Well:
    """The truth about one well of one picture; volumes are fractions of its own dish's full serving."""

    index: int
    kind: str
    leftover: float
    state: str
    occluded: bool
    opening_px: Points


@dataclass(frozen=True)
class Shot:
    """One picture of the bench and its truth."""

    path: Path

    @cached_property
    def truth(self) -> dict[str, Any]:
        """Return the picture's JSON description. Raises `ConvertError` where it is absent or damaged."""
        path = self.path.with_suffix(".json")
        try:
            loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConvertError(f"{path}: cannot be read ({error}); copy the data again") from None
        return loaded

    def picture(self) -> Picture:
        """Return the picture, blue-green-red. Raises `PictureError`."""
        return load_picture(self.path)

    @property
    def complications(self) -> tuple[str, ...]:
        """Return the complications, `plain` where there is none."""
        return tuple(self.truth["complications"]) or ("plain",)

    def wells(self) -> list[Well]:
        """Return the truth per well; a served-in-full well that came back larger counts as 1."""
        return [
            Well(
                index=int(well["index"]),
                kind={LIQUID_CLASS: "soup", RICE_CLASS: "rice"}.get(well["dish_class"], "solid"),
                leftover=float(np.clip(well["leftover_fraction"], 0.0, 1.0)),
                state=str(well["state"]),
                occluded=bool(well["occluded"]),
                opening_px=np.asarray(well["opening_px"], np.float64),
            )
            for well in self.truth["compartments"]
        ]

    def picture_from_plane(self, height_mm: float) -> Matrix:
        """Return the map from tray millimetres (layout's frame) at a height above the deck to picture pixels.

        Pixels in OpenCV's convention, the first pixel's centre at (0, 0).
        """
        camera, tray = self.truth["camera"], self.truth["tray"]
        width, height = tray["size_mm"]
        tray_to_world = np.asarray(tray["T_tray_to_world"])
        rotation, translation = np.asarray(camera["R_world_to_cam"]), np.asarray(camera["t_mm"])
        # Layout (x right, y down, top left origin) to the tray's own frame (centre origin, y up).
        tray_from_layout = np.array(
            [[1, 0, -width / 2], [0, -1, height / 2], [0, 0, height_mm], [0, 0, 1]], np.float64
        )
        world = tray_to_world @ tray_from_layout
        pixels = np.asarray(camera["K"]) @ (rotation @ world[:3] + np.outer(translation, [0, 0, 1]))
        centre = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
        mapped = centre @ pixels
        return np.asarray(mapped / mapped[2, 2], np.float64)


def set_ups(folder: Path) -> tuple[str, ...]:
    """Return the names of the canteens; raises `ConvertError` where there is none."""
    found = tuple(path.parent.name for path in sorted(folder.glob("setup*/empty.json")))
    if not found:
        raise ConvertError(f"{folder}: has no setup*/empty.json; give the folder rendered_trays")
    return found


def returns(folder: Path, set_up: str) -> list[Shot]:
    """Return the returned trays of one canteen, in order."""
    return [Shot(path) for path in sorted((folder / set_up).glob("return_*.jpg"))]


def reference(folder: Path, set_up: str, name: str) -> Shot:
    """Return the canteen's `empty` or `full` picture."""
    return Shot(folder / set_up / f"{name}.jpg")


def rounded_rectangle(centre: Points, half: Points, radius: float, steps: int = 10) -> Points:
    """Return a rounded rectangle as a closed polygon, (N, 2), clockwise with y down."""
    angles = np.linspace(0, np.pi / 2, steps)
    corners = []
    for quadrant, (sx, sy) in enumerate(((1, 1), (-1, 1), (-1, -1), (1, -1))):
        turned = angles + quadrant * np.pi / 2
        middle = centre + np.array([sx, sy]) * (half - radius)
        corners.append(middle + radius * np.stack([np.cos(turned), np.sin(turned)], axis=1))
    return np.concatenate(corners)


def true_layout(empty: Shot) -> Layout:
    """Return the exact layout; floors are as the empty reference shows them on the deck plane.

    That is what a layout found in a picture holds: the floor's parallax is part of it.
    """
    tray = empty.truth["tray"]
    width, height = tray["size_mm"]
    deck = np.linalg.inv(empty.picture_from_plane(0.0))
    compartments = []
    for well in empty.truth["compartments"]:
        centre = np.array([well["centre_mm"][0] + width / 2, height / 2 - well["centre_mm"][1]])
        half, depth = np.asarray(well["half_mm"], np.float64), float(well["depth_mm"])
        inset, radius = float(well["wall_inset_mm"]), float(well["corner_radius_mm"])
        floor = rounded_rectangle(centre, half - inset, max(radius - inset, 2.0))
        seen = cv2.perspectiveTransform(floor[None], deck @ empty.picture_from_plane(-depth))[0]
        compartments.append(
            Compartment(
                id=int(well["index"]),
                name=str(well["name"]),
                outline_mm=rounded_rectangle(centre, half, radius),
                floor_mm=seen.astype(np.float64),
                depth_mm=depth,
            )
        )
    return Layout((float(width), float(height)), 30.0, tuple(compartments))
