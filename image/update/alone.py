"""`make models-bundle` and `make menu-bundle`: networks or a menu alone become a signed update."""

import argparse
import hashlib
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from appliance.artifacts.contents import contents
from appliance.artifacts.shelf import Kind
from appliance.image_version import stamp
from appliance.inference.parity import parity_of
from appliance.inference.whole import whole
from appliance.menu.menu import FILE_NAME as MENU
from appliance.picture import load_picture
from appliance.update.bundle import ALONE
from image.update.command import add_keys, told
from image.update.fault import BundleError
from image.update.pack import check_keys, manifest_alone, pack

_FITS: Final = {kind: fits for fits, kind in ALONE.items()}
_DIGITS: Final = 12


def main(arguments: Sequence[str] | None = None, *, now: datetime | None = None) -> int:
    """Pack, and return the exit status: 0, or non-zero with one line on standard error."""
    options = _parser().parse_args(arguments)
    return told(lambda: _pack(options, now or datetime.now(UTC)))


def _pack(options: argparse.Namespace, now: datetime) -> str:
    key, cert = check_keys(options.key, options.cert)
    kind: Kind = options.kind
    files = _checked(kind, options.folder)
    built = stamp(now)
    version = f"{built[:8]}-{_digest(files)[:_DIGITS]}"
    out = options.out / f"janban-{kind}-{version}.raucb"
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".bundle-", dir=options.out) as working:
        folder = Path(working)
        for name, file in files.items():
            shutil.copyfile(file, folder / name)
        text = manifest_alone(fits=_FITS[kind], version=version, built=built)
        (folder / "manifest.raucm").write_text(text, encoding="utf-8")
        pack(folder, out, key=key, cert=cert, keyring=options.keyring or cert)
    return f"{out}: {kind} {version}, {len(files)} files, {out.stat().st_size / 1e6:.1f} MB, signed"


def _checked(kind: Kind, folder: Path) -> Mapping[str, Path]:
    """Return the files to pack, found to be what a box will want them to be."""
    if not folder.is_dir():
        raise BundleError(f"{folder}: there is no such folder; name it: OUT= for networks, MENU= for a menu")
    if kind == "models":
        parity_of(folder, whole(folder))
    files = contents(kind, folder)
    for name in files.keys() - {MENU} if kind == "menu" else ():
        load_picture(files[name])
    return files


def _digest(files: Mapping[str, Path]) -> str:
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + hashlib.sha256(files[name].read_bytes()).digest())
    return digest.hexdigest()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bundle", description="Pack networks or a menu as a signed update.")
    parser.add_argument("--kind", choices=sorted(_FITS), required=True, help="what it is")
    parser.add_argument("--folder", type=Path, required=True, metavar="DIR", help="the folder to pack")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the bundle goes")
    add_keys(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
