"""Pictures in memory, and reading them from files without trusting the files."""

import os
import re
import warnings
from pathlib import Path
from typing import BinaryIO, cast

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from appliance.errors import PictureError
from appliance.files import open_plain, write_whole

Picture = npt.NDArray[np.uint8]
"""An 8-bit colour picture, shape (height, width, 3), channels in OpenCV's order: blue, green, red."""

SMALLEST_SIDE_PX = 64
"""A picture with a shorter side cannot show a tray."""

LONGEST_SIDE_PX = 2560
"""A larger picture is reduced to this: more pixels would cost memory and tell nothing new of a tray."""

LARGEST_JPEG_PX = 120_000_000
"""A baseline JPEG is reduced by up to 8 while it is decoded, so even the largest phone pictures fit."""

LARGEST_OTHER_PX = 16_000_000
"""Other formats, and JPEGs of several scans, have to be held whole, at up to eight bytes for each pixel."""

MOST_SCANS = 100
"""Of a JPEG; each goes over all pixels, and needs no more than a few bytes in the file."""

LARGEST_FILE_BYTES = 100_000_000

_COLOURLESS = 4
"""Largest difference of a pixel's channels that a greyscale picture has after a camera's YUV conversion."""

_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")
"""Of a JPEG's segment with a length, or of its end; what else begins with ff is pixels."""

_FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP", "GIF")


def load_picture(path: Path) -> Picture:
    """Read a picture file as it should be looked at: EXIF orientation applied, 8-bit blue, green, red.

    Greyscale, palette, CMYK and 16-bit files are converted; transparent parts become white. Pictures over
    `LONGEST_SIDE_PX` are reduced. Raises `PictureError`, one line with the file's name, for anything that is
    no whole still picture of a sensible size.
    """
    try:
        file = open_plain(path)
    except FileNotFoundError:
        raise PictureError(f"{path}: no such file; check the name") from None
    except OSError as error:
        raise PictureError(f"{path}: cannot be read ({error.strerror}); give a picture file") from None
    try:
        with warnings.catch_warnings(), file:
            warnings.simplefilter(
                "ignore"
            )  # Pillow warns of sizes, which are judged here, and of odd metadata
            return _decode(path, file)
    except PictureError:
        raise
    except UnidentifiedImageError:
        raise PictureError(f"{path}: not a picture of a known format; give a JPEG or PNG") from None
    except Image.DecompressionBombError:
        raise PictureError(
            f"{path}: too many pixels; give a picture of at most {LARGEST_JPEG_PX // 10**6} megapixels"
        ) from None
    except Exception as error:  # noqa: BLE001 - decoders raise anything on damaged files
        raise PictureError(f"{path}: damaged or cut off ({_first_line(error)}); take it again") from None


def _decode(path: Path, file: BinaryIO) -> Picture:
    if os.fstat(file.fileno()).st_size > LARGEST_FILE_BYTES:
        raise PictureError(f"{path}: over {LARGEST_FILE_BYTES // 10**6} MB; give a smaller picture")
    with Image.open(file, formats=_FORMATS) as image:
        _judge(path, image, _scans(file) if image.format in ("JPEG", "MPO") else None)
        # Only JPEG heeds this: it decodes at a fraction of the size, not below what is kept.
        image.draft(None, (LONGEST_SIDE_PX, LONGEST_SIDE_PX))
        return _bgr(ImageOps.exif_transpose(_reduced(_eight_bit(image))))


def _judge(path: Path, image: Image.Image, scans: int | None) -> None:
    """Refuse before any pixel is decoded; `scans` of a JPEG."""
    width, height = image.size
    if min(width, height) * min(1, LONGEST_SIDE_PX / max(width, height)) < SMALLEST_SIDE_PX:
        raise PictureError(
            f"{path}: {width}x{height} pixels; give a picture of {SMALLEST_SIDE_PX} or more a side, no strip"
        )
    if scans is not None and scans > MOST_SCANS:
        raise PictureError(f"{path}: has more than {MOST_SCANS} scans; take it again, or save it anew")
    # MPO is what phones write: a JPEG with a depth or brightness map behind it.
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise PictureError(f"{path}: has several frames; give a still picture")
    if image.mode == "F":
        raise PictureError(f"{path}: has floating-point pixels; give an 8-bit picture")
    reducible = scans is not None and scans <= 1 and "progressive" not in image.info
    most = LARGEST_JPEG_PX if reducible else LARGEST_OTHER_PX
    if width * height > most:
        raise PictureError(
            f"{path}: {width}x{height} pixels are more than fit into memory; give a {image.format} of at most"
            f" {most // 10**6} megapixels"
        )


def _scans(file: BinaryIO) -> int:
    """Return how many scans a file's first JPEG has, up to one more than `MOST_SCANS` (ITU T.81, annex B)."""
    before = file.tell()
    file.seek(0)
    data = file.read()
    file.seek(before)
    found, at = 0, len(b"\xff\xd8")
    while found <= MOST_SCANS and (marker := _MARKER.search(data, at)) and marker[1] != b"\xd9":
        found += marker[1] == b"\xda"
        at = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2])
    return found


def _eight_bit(image: Image.Image) -> Image.Image:
    """Return 8 bits a channel; in wide greyscale values that all stay within 255 are taken as they are."""
    if image.mode.startswith("I"):
        wide = image.convert("I")
        _, brightest = cast("tuple[int, int]", wide.getextrema())
        scale = 1 / 256 if brightest > 255 else 1.0
        return wide.point(lambda value: value * scale + 0).convert("L")
    if image.mode in ("P", "PA", "1"):
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    image.load()
    return image


def _reduced(image: Image.Image) -> Image.Image:
    longest = max(image.size)
    if longest <= LONGEST_SIDE_PX:
        return image
    width, height = (max(1, round(side * LONGEST_SIDE_PX / longest)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BOX)


def _bgr(image: Image.Image) -> Picture:
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        image = white
    return np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


def has_colour(picture: Picture) -> bool:
    """Tell whether any pixel of a picture (H, W, 3) differs from grey: food is told from steel by colour."""
    blue, green, red = cv2.split(picture)
    return any(
        float(cv2.norm(one, other, cv2.NORM_INF)) > _COLOURLESS
        for one, other in ((blue, green), (green, red))
    )


def save_picture(path: Path, picture: Picture) -> None:
    """Write a picture as PNG or JPEG, by the name's ending; readers see the old file or the whole new one.

    Raises `PictureError` if the ending is another one or the file cannot be written.
    """
    ending = path.suffix.lower()
    if ending not in (".png", ".jpg", ".jpeg"):
        raise PictureError(f"{path}: pictures are written as .png or .jpg")
    done, encoded = cv2.imencode(ending, picture)
    if not done:
        raise PictureError(f"{path}: the picture of shape {picture.shape} cannot be encoded")
    try:
        write_whole(path, encoded.tobytes())
    except OSError as error:
        raise PictureError(f"{path}: cannot be written ({error.strerror})") from None
