"""`make flash`: an image goes to a card."""

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from image.flash import copy
from image.flash.consent import ask, compare_serial
from image.flash.fault import FlashError
from image.flash.machine import Disk, Machine, look_up, refusals
from image.flash.medium import BlockMedium, Medium
from image.flash.progress import Progress
from image.flash.source import Source, find

_EXIT_FAULT = 1
_EXIT_INTERRUPTED = 130


class _Stage:
    """How far it got, for who has to be told what the card is worth now."""

    card = "nothing was written"


def main(
    arguments: Sequence[str] | None = None,
    machine: Machine | None = None,
    open_medium: Callable[[Path], AbstractContextManager[Medium]] = BlockMedium,
    answer: Callable[[str], str] = input,
) -> int:
    """Flash, and return the exit status: 0, or non-zero with one line on standard error."""
    options = _parser().parse_args(arguments)
    stage = _Stage()
    try:
        _flash(options, machine or Machine(), open_medium, answer, stage)
    except FlashError as error:
        print(f"flash: {error} ({stage.card})", file=sys.stderr)
        return _EXIT_FAULT
    except OSError as error:
        print(
            f"flash: {options.device}: fails: {error.strerror}; try another card ({stage.card})",
            file=sys.stderr,
        )
        return _EXIT_FAULT
    except KeyboardInterrupt:
        print(f"\nflash: interrupted; {stage.card}", file=sys.stderr)
        return _EXIT_INTERRUPTED
    print(f"{options.device}: written and read back; the card can be taken out")
    return 0


def _flash(
    options: argparse.Namespace,
    machine: Machine,
    open_medium: Callable[[Path], AbstractContextManager[Medium]],
    answer: Callable[[str], str],
    stage: _Stage,
) -> None:
    if options.device is None:
        raise FlashError(
            "no disk is written by default; name the card's with DEV=/dev/sdX, `lsblk` lists them"
        )
    disk = look_up(options.device, machine)
    _refuse_unfit(disk, 0)
    source = find(options.image)
    _refuse_unfit(disk, source.map.image_bytes)
    if options.serial is None:
        ask(disk, source.file.name, answer, at_terminal=sys.stdin.isatty())
    else:
        compare_serial(disk, options.serial)
    with open_medium(disk.node) as medium:
        _refuse_changed(options.device, machine, str(disk))
        stage.card = "the card is unusable now; flash it again"
        _copy(source, medium)


def _refuse_unfit(disk: Disk, image_bytes: int) -> None:
    for why in refusals(disk, image_bytes):
        raise FlashError(f"{disk}: {why}")


def _refuse_changed(device: Path, machine: Machine, seen: str) -> None:
    """Look once more, now that the disk is held: a reader keeps its name when its card is changed."""
    if (found := str(look_up(device, machine))) != seen:
        raise FlashError(f"{found}: was another disk a moment ago, {seen}; start again")


def _copy(source: Source, medium: Medium) -> None:
    total_bytes = source.map.mapped_bytes
    copy.wipe_head(medium)
    with source.open() as stream:
        written = copy.write(stream, source.map, medium, Progress("writing", total_bytes, sys.stderr))
    try:
        copy.read_back(written, medium, Progress("reading back", total_bytes, sys.stderr))
    except BaseException:
        # Written, but not known to be right: it must not look as if it were.
        with suppress(OSError):
            copy.wipe_head(medium)
        raise


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="flash", description="Write an image to a card and read it back.")
    parser.add_argument("--device", type=Path, metavar="/dev/sdX", help="the card's whole disk")
    parser.add_argument(
        "--image", type=Path, required=True, metavar="FILE", help="the image, .img.zst or .img"
    )
    parser.add_argument("--serial", metavar="SERIAL", help="do not ask: the disk is the one with this serial")
    return parser


if __name__ == "__main__":
    sys.exit(main())
