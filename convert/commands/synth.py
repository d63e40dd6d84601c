"""`convert synth`: pictures of synthetic trays with exact ground truth."""

import argparse
import re
from pathlib import Path

from convert.errors import ConvertError
from convert.synth.photos import find_photos
from convert.synth.production import preview, produce
from convert.synth.shot import Order

_SMALLEST, _LARGEST = 64, 2048


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Makes pictures of canteen trays with class, compartment, height and depth maps and the volume left"
        " in each well. Ten pictures make a set-up: an empty tray, the full serving, eight returned trays."
        " Picture i of a seed is always the same; an interrupted run goes on where it stopped. DIR/README.md"
        " tells the format."
    )
    parser.add_argument(
        "--count", type=int, required=True, metavar="N", help="how many pictures there shall be"
    )
    parser.add_argument(
        "--seed", type=int, required=True, metavar="S", help="0 or more; other seeds, other trays"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder that grows")
    parser.add_argument("--workers", type=int, default=1, metavar="W", help="processes (default: 1)")
    parser.add_argument("--size", default="384x288", metavar="WxH", help="pixels (default: 384x288)")
    parser.add_argument("--preview", action="store_true", help="also write DIR/preview.png, a contact sheet")
    parser.add_argument(
        "--textures",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="photographs of food, a subfolder per dish or with YOLO outlines; may be given more than once",
    )
    parser.add_argument(
        "--backgrounds",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="photographs to use as counters; may be given more than once",
    )


def command(options: argparse.Namespace) -> int:
    """Make the pictures; raises `ConvertError`."""
    if options.count < 1 or options.seed < 0 or options.workers < 1:
        raise ConvertError("--count and --workers must be 1 or more, --seed 0 or more")
    for folder in (*options.textures, *options.backgrounds):
        if not folder.is_dir():
            raise ConvertError(f"{folder}: no such folder; give one with pictures")
    order = Order(options.seed, _size(options.size), find_photos(options.textures, options.backgrounds))
    made = produce(order, options.count, options.out, options.workers)
    print(f"{options.out}: {options.count} pictures, {made} of them new")
    if options.preview:
        print(f"look at {preview(options.out)}")
    return 0


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if not all(_SMALLEST <= side <= _LARGEST for side in size):
        raise ConvertError(
            f"--size {text}: give WIDTHxHEIGHT, each {_SMALLEST} to {_LARGEST} pixels, as 384x288"
        )
    return size
