"""`convert synth`: pictures of synthetic trays with exact ground truth."""

import argparse
import re
from pathlib import Path

from convert.errors import ConvertError
from convert.recipe import read_recipe
from convert.synth.photos import find_photos
from convert.synth.production import preview, produce
from convert.synth.recipe import Trays
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
        "--config",
        type=Path,
        metavar="FILE",
        help="recipe, as training/trays.toml; options here override it",
    )
    parser.add_argument("--count", type=int, metavar="N", help="how many pictures there shall be")
    parser.add_argument("--seed", type=int, metavar="S", help="0 or more; other seeds, other trays")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder that grows")
    parser.add_argument("--workers", type=int, default=1, metavar="W", help="processes (default: 1)")
    parser.add_argument("--size", metavar="WxH", help="pixels (default: 384x288)")
    parser.add_argument("--preview", action="store_true", help="also write DIR/preview.png, a contact sheet")
    parser.add_argument(
        "--textures",
        type=Path,
        action="append",
        metavar="DIR",
        help="photographs of food, a subfolder per dish or with YOLO outlines; may be given more than once",
    )
    parser.add_argument(
        "--backgrounds",
        type=Path,
        action="append",
        metavar="DIR",
        help="photographs to use as counters; may be given more than once",
    )
    whose = parser.add_mutually_exclusive_group()
    whose.add_argument(
        "--photographs", type=Path, metavar="DIR", help="where the recipe's folders lie [beside the recipe]"
    )
    whose.add_argument(
        "--without-photographs", action="store_true", help="use none of the recipe's: other pictures"
    )


def command(options: argparse.Namespace) -> int:
    """Make the pictures; raises `ConvertError`."""
    order, count = _order(options)
    made = produce(order, count, options.out, options.workers)
    print(f"{options.out}: {count} pictures, {made} of them new")
    if options.preview:
        print(f"look at {preview(options.out)}")
    return 0


def _order(options: argparse.Namespace) -> tuple[Order, int]:
    """Return what to make and how much of it, by the recipe where the options say nothing."""
    recipe = None if options.config is None else read_recipe(options.config, Trays)
    count = options.count if options.count is not None or recipe is None else recipe.count
    seed = options.seed if options.seed is not None or recipe is None else recipe.seed
    if count is None or seed is None:
        raise ConvertError("--count and --seed are missing; give both, or a recipe with --config")
    if count < 1 or seed < 0 or options.workers < 1:
        raise ConvertError("--count and --workers must be 1 or more, --seed 0 or more")
    size = _size(options.size or (recipe.size if recipe else "384x288"))
    textures, backgrounds = options.textures, options.backgrounds
    if recipe is not None and not options.without_photographs:
        root = options.photographs or options.config.parent
        textures = [one.below(root) for one in recipe.textures] if textures is None else textures
        backgrounds = [one.below(root) for one in recipe.backgrounds] if backgrounds is None else backgrounds
    for folder in (*(textures or ()), *(backgrounds or ())):
        if not folder.is_dir():
            raise ConvertError(f"{folder}: no such folder; give one with pictures")
    return Order(seed, size, find_photos(textures or (), backgrounds or ())), count


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if not all(_SMALLEST <= side <= _LARGEST for side in size):
        raise ConvertError(
            f"--size {text}: give WIDTHxHEIGHT, each {_SMALLEST} to {_LARGEST} pixels, as 384x288"
        )
    return size
