"""`convert confidence`: a classifier's confidence held against the truth, and put right."""

import argparse
import json
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Shows how far a ResNet's confidence is from how often it is right, on set-ups of convert synth to"
        " validate on, and writes a checkpoint that puts it right: each head's scores are divided by a"
        " temperature (Guo et al., 2017), and classes of pixels, which training weighs by how rare they are,"
        " become as frequent as they are. convert train does this at the end of a training."
    )
    parser.add_argument("checkpoint", type=Path, metavar="FILE", help="weights, as weights/resnet.pt")
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True, metavar="DIR", help="folders that convert synth made"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="the calibrated weights; may be the same file"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")


def command(options: argparse.Namespace) -> int:
    """Calibrate; raises `ConvertError` and its kinds."""
    from convert.train.confidence import calibrate_checkpoint  # noqa: PLC0415 - PyTorch is slow to import
    from convert.train.dataset import find_data  # noqa: PLC0415
    from convert.train.rectify import Views  # noqa: PLC0415

    out: Path = options.out
    done = calibrate_checkpoint(options.checkpoint, out, find_data(options.data, Views(None)))
    if options.json:
        print(json.dumps({name: value for head in done for name, value in head.figures().items()}))
        return 0
    for head in done:
        print(head.told())
    print(f"{out}: written", file=sys.stderr)
    return 0
