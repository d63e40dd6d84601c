"""`convert self-test`: what the networks have to answer on the device, before they serve."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Runs the models of a folder on a known picture, and writes parity.npz: the picture and the answers."
        " The device asks its networks for the same at every start, and refuses those that answer otherwise."
        " Run it again whenever the models change. The figures say how far other kernels of the runtime are"
        " from the answers; where that is more than the device is let, nothing is written."
    )
    parser.add_argument("--models", type=Path, required=True, metavar="DIR", help="folder with a manifest")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def command(options: argparse.Namespace) -> int:
    """Run and write; raises `JanbanError`."""
    # LiteRT is slow to import; wrong options are told at once.
    from appliance.inference.parity import FILE_NAME  # noqa: PLC0415
    from convert.atomic import write_whole  # noqa: PLC0415
    from convert.parity.archive import record_bytes  # noqa: PLC0415
    from convert.parity.self_test import record_of  # noqa: PLC0415

    arrays, others = record_of(options.models)
    out: Path = options.models / FILE_NAME
    content = record_bytes(arrays)
    write_whole(out, content)
    if options.json:
        figures = {name: [asdict(one) for one in found] for name, found in others.items()}
        print(json.dumps({"file": str(out), "size_bytes": len(content), "other_kernels": figures}))
        return 0
    for name, found in others.items():
        print(f"{name}: other kernels: {'; '.join(map(str, found))}")
    print(f"{out}: written, {len(content) / 1000:.0f} kB", file=sys.stderr)
    return 0
