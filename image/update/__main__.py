"""`make bundle`: an image becomes a signed update."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from appliance.image_version import stamp
from image.flash.source import find
from image.update.command import add_keys, told
from image.update.pack import HOOK, check_keys, compatible, manifest, pack
from image.update.parts import NAMES, extract, made_at


def main(arguments: Sequence[str] | None = None) -> int:
    """Pack, and return the exit status: 0, or non-zero with one line on standard error."""
    options = _parser().parse_args(arguments)
    return told(lambda: _pack(options))


def _pack(options: argparse.Namespace) -> str:
    key, cert = check_keys(options.key, options.cert)
    source = find(options.image)
    name = source.file.name.removesuffix(".zst").removesuffix(".img")
    version = name.removeprefix("janban-")
    out = source.file.with_name(f"{name}.raucb")
    with tempfile.TemporaryDirectory(prefix=".bundle-", dir=source.file.parent) as working:
        folder = Path(working)
        parts = extract(source, folder)
        built = stamp(made_at(next(part for part in parts if part.name == NAMES["root_a"])))
        text = manifest(version=version, fits=compatible(name), parts=parts, built=built)
        (folder / "manifest.raucm").write_text(text, encoding="utf-8")
        shutil.copy2(HOOK, folder)
        pack(folder, out, key=key, cert=cert, keyring=options.keyring or cert)
    return f"{out}: version {version} for {compatible(name)}, {out.stat().st_size / 1e6:.0f} MB, signed"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bundle", description="Pack an image as a signed update.")
    parser.add_argument("--image", type=Path, required=True, metavar="FILE", help="the image")
    add_keys(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
