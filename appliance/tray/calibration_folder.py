"""The calibration folder: written whole or not at all, and trusted only as far as its checksums go."""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.errors import CalibrationError, printable
from appliance.files import read_whole, sync_folder
from appliance.picture import Picture
from appliance.tray.layout_file import load_layout, write_layout
from appliance.tray.rectify import rectified_size
from appliance.tray.references import Calibration

LAYOUT_FILE = "layout.toml"
MANIFEST_FILE = "manifest.json"
_PICTURE_FILES = {"empty": "reference-empty.png", "full": "reference-full.png"}
_LARGEST_FILE_BYTES = 64_000_000


class _Picture(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sha256: str
    source: str | None = None


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    version: Literal[1] = 1
    px_per_mm: float = Field(gt=0.2, le=10, allow_inf_nan=False)
    pictures: dict[Literal["empty", "full"], _Picture]


def save_calibration(
    calibration: Calibration, folder: Path, empty_source: str | None = None, full_source: str | None = None
) -> None:
    """Write a calibration folder, whole or not at all.

    A folder that is there is replaced if it is empty or a calibration. The sources are noted for people.
    Raises `CalibrationError` where it cannot be written.
    """
    try:
        _check_replaceable(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            _write(calibration, fresh, {"empty": empty_source, "full": full_source})
            _replace(folder, fresh)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise CalibrationError(f"{folder}: cannot be written ({error.strerror})") from None


def load_calibration(folder: Path) -> Calibration:
    """Read a calibration folder.

    `layout.toml` may have been edited, the pictures may not. Raises `CalibrationError`, one line,
    for anything missing or wrong.
    """
    try:
        if not folder.is_dir():
            raise CalibrationError(f"{folder}: no such folder; run `appliance calibrate`")
    except OSError as error:
        raise CalibrationError(f"{folder}: cannot be read ({error.strerror}); name another folder") from None
    manifest = _read_manifest(folder)
    layout = load_layout(folder / LAYOUT_FILE)
    px_per_mm = manifest.px_per_mm
    pictures: dict[str, Picture | None] = {"empty": None, "full": None}
    width, height = rectified_size(layout.tray_mm, px_per_mm)
    for which, entry in manifest.pictures.items():
        path = folder / _PICTURE_FILES[which]
        content = _read(path)
        if hashlib.sha256(content).hexdigest() != entry.sha256:
            raise CalibrationError(f"{path}: changed since the calibration; calibrate again")
        size = _png_size(content)
        if size is not None and size != (width, height):
            raise CalibrationError(
                f"{folder / LAYOUT_FILE}: tray_mm no longer fits the reference pictures; calibrate again"
            )
        picture = size and cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            raise CalibrationError(f"{path}: not a picture; calibrate again")
        pictures[which] = picture.astype(np.uint8, copy=False)
    if pictures["empty"] is None:
        raise CalibrationError(f"{folder / MANIFEST_FILE}: lists no empty reference; calibrate again")
    return Calibration(layout, px_per_mm, pictures["empty"], pictures["full"])


def _write(calibration: Calibration, folder: Path, sources: dict[str, str | None]) -> None:
    listed: dict[Literal["empty", "full"], _Picture] = {}
    pictures: dict[Literal["empty", "full"], Picture | None] = {
        "empty": calibration.empty,
        "full": calibration.full,
    }
    for which, picture in pictures.items():
        if picture is None:
            continue
        content = cv2.imencode(".png", picture)[1].tobytes()
        _write_file(folder / _PICTURE_FILES[which], content)
        source = sources[which]
        listed[which] = _Picture(
            sha256=hashlib.sha256(content).hexdigest(), source=None if source is None else printable(source)
        )
    _write_file(folder / LAYOUT_FILE, write_layout(calibration.layout).encode())
    manifest = _Manifest(version=1, px_per_mm=calibration.px_per_mm, pictures=listed)
    _write_file(folder / MANIFEST_FILE, (manifest.model_dump_json(indent=1) + "\n").encode())
    folder.chmod(0o755)
    sync_folder(folder)


def _replace(folder: Path, fresh: Path) -> None:
    """Put `fresh` in the place of `folder`; the old one is back if that fails."""
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
    try:
        if folder.exists():
            folder.rename(old / folder.name)
        try:
            fresh.rename(folder)
        except OSError:
            if (old / folder.name).exists():
                (old / folder.name).rename(folder)
            raise
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _check_replaceable(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise CalibrationError(f"{folder}: is a file; name a folder for the calibration")
    if any(folder.iterdir()) and not (folder / MANIFEST_FILE).exists():
        raise CalibrationError(f"{folder}: holds something else than a calibration; name another folder")


def _write_file(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _read_manifest(folder: Path) -> _Manifest:
    path = folder / MANIFEST_FILE
    try:
        return _Manifest.model_validate_json(_read(path))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise CalibrationError(f"{path}: {key}: {first['msg']}; calibrate again") from None


def _png_size(content: bytes) -> tuple[int, int] | None:
    """Return the (width, height) that a PNG says it has, before it is decoded; None if it is none."""
    if not content.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR") or len(content) < 24:
        return None
    return int.from_bytes(content[16:20]), int.from_bytes(content[20:24])


def _read(path: Path) -> bytes:
    try:
        return read_whole(path, _LARGEST_FILE_BYTES)
    except FileNotFoundError:
        raise CalibrationError(f"{path}: missing; calibrate again") from None
    except OSError as error:
        raise CalibrationError(f"{path}: cannot be read ({error.strerror}); calibrate again") from None
