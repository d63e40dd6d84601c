"""From a synthetic picture to a top view of its tray, with its maps; kept, since decoding is slow.

The device rectifies the tray and squeezes the whole of it to the network's size. A kept view is a little
larger than the tray, so that the corners can be moved later as a locator errs.
"""

import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from convert.atomic import write_whole
from convert.errors import ConvertError
from convert.networks.spec import QUANTITY_FRACTIONS
from convert.synth.samples import Sample

SIDE_PX: Final = 288
MARGIN: Final = 0.04
"""Shown beyond the tray at each side, as a share of the tray's size: 12 mm and more."""

UNSEEN: Final = 255
"""In class maps: the picture does not reach there."""

_STEPS_PER_MM: Final = 50
_FORMAT: Final = 1


@dataclass(frozen=True, eq=False)
class Rectified:
    """A tray seen from above, `SIDE_PX` square, the tray's width and height squeezed to the same length.

    `picture` RGB (S, S, 3) uint8; `classes` (S, S) uint8, numbers of `TRAY_CLASSES` or `UNSEEN`; `surface_mm`
    (S, S) float32, the height of what is seen above the deck, negative in wells; `size_mm` of the tray;
    `quantity` the class of `QUANTITY_CLASSES` of the mean leftover. Heights are whole steps of 0.02 mm, so
    that a view just made is the one that is read later.
    """

    picture: npt.NDArray[np.uint8]
    classes: npt.NDArray[np.uint8]
    surface_mm: npt.NDArray[np.float32]
    size_mm: tuple[float, float]
    quantity: int


class Views:
    """Rectified samples, made on first use and kept below a folder as uncompressed .npz files."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def get(self, sample: Sample, origin: str) -> Rectified:
        """Return a sample's top view; `origin` names the data it is of, wherever that lies.

        Raises `ConvertError` where the sample is damaged or the folder cannot be written.
        """
        if self._folder is None:
            return rectify(sample)
        name = f"{sample.folder.parent.name}-{sample.folder.name}.npz"
        path = self._folder / re.sub(r"[^\w]+", "-", f"{origin}-v{_FORMAT}") / name
        kept = _read(path)
        if kept is None:
            kept = rectify(sample)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ConvertError(
                    f"{path.parent}: cannot be made ({error.strerror}); give another --out"
                ) from None
            write_whole(path, _packed(kept))
        return kept


def rectify(sample: Sample) -> Rectified:
    """Return a sample's top view. Raises `ConvertError` where its files are damaged."""
    try:
        truth = sample.truth
        tray = truth["tray"]
        width, height = (float(side) for side in tray["size_mm"])
        picture_from_view = np.array(tray["picture_from_tray"], np.float64) @ _tray_from_view(width, height)
        surface = surface_mm(sample.depth_mm(), truth["camera"])
        quantity = quantity_class(truth["wells"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        fault = f"{type(error).__name__}: {error}"
        raise ConvertError(
            f"{sample.folder}: damaged ({fault}); delete the folder and make it again"
        ) from None
    return Rectified(
        warp(sample.picture(), picture_from_view, SIDE_PX, cv2.INTER_LINEAR, 0),
        warp(sample.classes(), picture_from_view, SIDE_PX, cv2.INTER_NEAREST, UNSEEN),
        _millimetres(_steps(warp(surface, picture_from_view, SIDE_PX, cv2.INTER_LINEAR, 0))),
        (width, height),
        quantity,
    )


def surface_mm(depth_mm: npt.NDArray[np.float32], camera: dict[str, Any]) -> npt.NDArray[np.float32]:
    """Return how high above the deck each pixel's first surface is, (H, W), from its depth along the axis."""
    rows, columns = depth_mm.shape
    rays = np.linalg.inv(np.array(camera["intrinsics"], np.float64))
    # (x, y, -height) = R^T (ray depth - t); only its last component is needed.
    down = np.array(camera["rotation"], np.float64)[:, 2]
    x, y, one = down @ rays
    slope = x * np.arange(columns)[None, :] + y * np.arange(rows)[:, None] + one
    return np.asarray(down @ np.array(camera["translation_mm"]) - depth_mm * slope, np.float32)


def quantity_class(wells: list[dict[str, Any]]) -> int:
    """Return the class of the mean leftover of a tray's dishes; each counts alike, and at most as 1."""
    left = [min(float(well["fraction"]), 1.0) for well in wells if well["full_volume_cm3"] > 0]
    mean = sum(left) / len(left) if left else 0.0
    return min(int(mean * len(QUANTITY_FRACTIONS)), len(QUANTITY_FRACTIONS) - 1)


def warp(
    source: npt.NDArray[Any], source_from_view: npt.NDArray[np.float64], side: int, method: int, border: int
) -> npt.NDArray[Any]:
    """Return `source` through a homography, `side` pixels square; `border` fills what it does not show."""
    return cv2.warpPerspective(
        source,
        source_from_view,
        (side, side),
        flags=method | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(border, border, border),
    )


def corners_px() -> npt.NDArray[np.float32]:
    """Return a view's corners of the tray: (4, 2), clockwise from the top left, pixel centres at integers."""
    near = MARGIN / (1 + 2 * MARGIN) * SIDE_PX - 0.5
    far = SIDE_PX - 1 - near
    return np.array([[near, near], [far, near], [far, far], [near, far]], np.float32)


def px_per_tray() -> float:
    """Return the pixels of a view that the tray's width, and its height, take."""
    return SIDE_PX / (1 + 2 * MARGIN)


def _tray_from_view(width: float, height: float) -> npt.NDArray[np.float64]:
    x, y = width / px_per_tray(), height / px_per_tray()
    return np.array([[x, 0, x / 2 - MARGIN * width], [0, y, y / 2 - MARGIN * height], [0, 0, 1]])


def _packed(view: Rectified) -> bytes:
    content = io.BytesIO()
    np.savez(
        content,
        picture=view.picture,
        classes=view.classes,
        surface=_steps(view.surface_mm),
        size_mm=np.array(view.size_mm),
        quantity=np.array(view.quantity),
    )
    return content.getvalue()


def _read(path: Path) -> Rectified | None:
    try:
        with np.load(path) as kept:
            width, height = kept["size_mm"].tolist()
            return Rectified(
                kept["picture"],
                kept["classes"],
                _millimetres(kept["surface"]),
                (width, height),
                int(kept["quantity"]),
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _steps(heights_mm: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    return np.clip(np.rint(heights_mm * _STEPS_PER_MM), -32768, 32767).astype(np.int16)


def _millimetres(steps: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
    return (steps / np.float32(_STEPS_PER_MM)).astype(np.float32)
