"""Signed updates for an emulated box, of the image that it runs: as it is, and without what measures."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from appliance.image_version import stamp
from image.flash.source import find
from image.update import alone
from image.update.pack import HOOK, compatible, manifest, pack
from image.update.parts import extract, made_at
from tests.image.parts import ROOT

KEY = Path(os.environ.get("JANBAN_UPDATE_KEY") or ROOT / "build/update-key")
"""The folder of `make update-key`."""
PROGRAMS = ("rauc", "mksquashfs", "debugfs", "mkfs.vfat")

_OPENCV = "/opt/janban/lib/python3.13/site-packages/cv2/cv2.abi3.so"


@dataclass(frozen=True)
class Bundles:
    """What `make bundle` makes, and the same but for a library without which the service does not start."""

    sound: Path
    broken: Path


def make_bundles(image: Path, folder: Path) -> Bundles:
    """Pack both; takes minutes, most of them to compress."""
    working = folder / "parts"
    working.mkdir()
    source = find(image)
    parts = extract(source, working)
    sound = _packed(source.file.name, "1", parts, folder)
    root = working / "rootfs.ext4"
    removed = subprocess.run(("debugfs", "-w", "-R", f"rm {_OPENCV}", root), check=True, capture_output=True)
    assert b"File not found" not in removed.stderr, removed.stderr
    broken = _packed(source.file.name, "2", parts, folder)
    shutil.rmtree(working)
    return Bundles(sound, broken)


def _packed(image: str, version: str, parts: list[Path], folder: Path) -> Path:
    built = stamp(made_at(next(part for part in parts if part.suffix == ".ext4")))
    text = manifest(version=version, fits=compatible(image), parts=parts, built=built)
    (parts[0].parent / "manifest.raucm").write_text(text, encoding="utf-8")
    shutil.copy2(HOOK, parts[0].parent)
    out = folder / f"janban-{version}.raucb"
    cert = KEY / "cert.pem"
    pack(parts[0].parent, out, key=KEY / "key.pem", cert=cert, keyring=cert)
    return out


def menu_bundle(folder: Path, meal: str, now: datetime) -> Path:
    """Make what `make menu-bundle` makes: a menu with one meal, which is served now."""
    menu = folder / "menu"
    menu.mkdir()
    begins, ends = ((now + timedelta(hours=hours)).isoformat(timespec="seconds") for hours in (-6, 6))
    (menu / "menu.toml").write_text(
        f'schema = "janban.menu/1"\n[[meal]]\nname = "{meal}"\nfrom = {begins}\nuntil = {ends}\n',
        encoding="utf-8",
    )
    signed = ("--key", str(KEY / "key.pem"), "--cert", str(KEY / "cert.pem"))
    out = folder / "menu-bundle"
    assert alone.main(["--kind", "menu", "--folder", str(menu), "--out", str(out), *signed]) == 0
    (bundle,) = out.iterdir()
    return bundle


def stick_with(bundle: Path, file: Path) -> Path:
    """Make a USB stick, named and formatted as docs/update.md wants it, with a bundle on it."""
    kib = bundle.stat().st_size // 1024 + 64 * 1024
    made = ("mkfs.vfat", "-F", "32", "-n", "JANBAN", "-C", file, str(kib))
    subprocess.run(made, check=True, capture_output=True)
    subprocess.run(("mcopy", "-i", file, bundle, "::/"), check=True)
    return file
