"""`make bundle`: an image becomes a signed update."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from appliance.errors import JanbanError
from appliance.image_version import stamp
from image.flash.source import find
from image.update.pack import HOOK, check_keys, compatible, manifest, pack
from image.update.parts import NAMES, extract, made_at

_EXIT_FAULT = 1
_EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Pack, and return the exit status: 0, or non-zero with one line on standard error."""
    options = _parser().parse_args(arguments)
    try:
        print(_pack(options))
    except JanbanError as error:
        print(f"bundle: {error}", file=sys.stderr)
        return _EXIT_FAULT
    except OSError as error:
        print(f"bundle: {error.filename}: {error.strerror}", file=sys.stderr)
        return _EXIT_FAULT
    except KeyboardInterrupt:
        print("\nbundle: interrupted; there is no bundle", file=sys.stderr)
        return _EXIT_INTERRUPTED
    return 0


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
    parser.add_argument("--key", type=Path, metavar="FILE", help="private key (PEM) to sign with")
    parser.add_argument("--cert", type=Path, metavar="FILE", help="its certificate (PEM)")
    parser.add_argument(
        "--keyring", type=Path, metavar="FILE", help="what boxes trust (PEM) [the certificate]"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
