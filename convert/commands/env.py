"""`convert env`: build, list and remove the environments of the converters."""

import argparse
import json
import time
from pathlib import Path

from convert import environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"which: {', '.join(environment.NAMES)}; all where none is named",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="say what is built, and build nothing")
    what.add_argument("--remove", action="store_true", help="remove instead of build")
    parser.add_argument("--json", action="store_true", help="print one JSON object for each environment")


def command(options: argparse.Namespace) -> int:
    """Build, list or remove; raises `ToolError`."""
    names = options.names or environment.NAMES
    # An unknown name is refused before another environment is built for minutes.
    for folder in [environment.folder_of(name) for name in names]:
        del folder
    for name in names:
        began_s = time.monotonic()
        before = environment.is_built(name)
        if options.remove:
            environment.remove(name)
        elif not options.list:
            environment.python_of(name)
        _tell(name, before=before, took_s=time.monotonic() - began_s, as_json=options.json)
    return 0


def _tell(name: str, *, before: bool, took_s: float, as_json: bool) -> None:
    folder = environment.folder_of(name)
    built = environment.is_built(name)
    change = {(False, True): "built", (True, False): "removed"}.get((before, built))
    size_bytes = _size_bytes(folder) if built else 0
    if as_json:
        facts = {"environment": name, "folder": str(folder), "built": built, "change": change}
        print(json.dumps(facts | {"size_bytes": size_bytes, "took_s": round(took_s, 1)}))
    elif built:
        took = f"built in {took_s:.0f} s, " if change else ""
        print(f"{name}: {took}{size_bytes / 1e9:.1f} GB in {folder}")
    else:
        print(f"{name}: {change or 'not built'} ({folder})")


def _size_bytes(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
