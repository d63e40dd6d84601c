"""`appliance`: the commands, their options, and the one place where errors become a line and a status."""

import argparse
import io
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2

from appliance import __version__
from appliance.commands import bench, calibrate, compare, demo, doctor, measure, run, tune, watch
from appliance.errors import CalibrationError, ConfigError, JanbanError

_EXIT_FAULT = 1
_EXIT_SETTINGS = 78
"""EX_CONFIG of sysexits.h: what neither a restart nor a reboot mends; the systemd unit knows it."""
_EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, or non-zero with one line on standard error."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        level=os.environ.get("JANBAN_LOG", "WARNING").upper(),
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name that the terminal cannot write is escaped
        sys.stdout.reconfigure(errors="backslashreplace")
    # Measuring has its own threads; OpenCV's would fight with them over a Pi's four cores.
    cv2.setNumThreads(1)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except JanbanError as error:
        print(f"appliance: {error}", file=sys.stderr)
        return _EXIT_SETTINGS if isinstance(error, ConfigError | CalibrationError) else _EXIT_FAULT
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left, as `appliance watch | head` does; nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _EXIT_FAULT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="appliance", description="Measures what comes back on canteen trays."
    )
    parser.add_argument("--version", action="version", version=f"appliance {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def add(
        name: str, summary: str, command: Callable[[argparse.Namespace], int], *, json: bool = True
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=summary, description=summary)
        added.set_defaults(command=command)
        if json:
            added.add_argument("--json", action="store_true", help="print JSON lines instead of text")
        return added

    one = add(
        "calibrate", "Learn a tray type from an empty tray, and a meal from a full one.", calibrate.command
    )
    one.add_argument("--empty", type=Path, required=True, help="picture of a clean, empty tray")
    one.add_argument("--full", type=Path, help="picture of the same tray served in full")
    one.add_argument(
        "--tray-mm", type=_size_mm, default=(375.0, 290.0), metavar="WxH", help="size of the tray [375x290]"
    )
    one.add_argument("--out", type=Path, required=True, help="folder to write the calibration to")

    one = add("measure", "Measure trays in pictures.", measure.command)
    _add_measured(one)
    one.add_argument(
        "--overlay", type=Path, metavar="OUTDIR", help="write a PNG per picture with the result drawn in"
    )

    one.add_argument(
        "--variant",
        type=Path,
        metavar="FILE",
        help="measure by the [estimate] of this file too, as `appliance tune` writes it, and print both",
    )

    one = add("bench", "Time every stage of measuring, and the memory it takes.", bench.command)
    _add_measured(one)
    one.add_argument("--repeat", type=_positive, default=20, help="measure every picture so often [20]")

    one = add("tune", "Search better settings on pictures whose leftovers people told.", tune.command)
    _add_tuned(one)

    one = add("run", "Run the service.", run.command, json=False)
    one.add_argument("--config", type=Path, required=True, help="TOML file, see docs/configuration.md")

    one = add("demo", "Run everything on this machine: simulated line, broker, subscriber.", demo.command)
    one.add_argument("--out", type=Path, default=Path("run"), help="folder for the demo's files [run]")
    one.add_argument("--port", type=_port, default=1883, help="loopback port of the broker [1883]")
    one.add_argument("--trays", type=_positive, help="end after so many readings")
    _add_models(one)

    one = add("watch", "Print readings as they arrive at the broker.", watch.command)
    one.add_argument("--config", type=Path, help="take broker, credentials and site from this file")
    one.add_argument("--host", default="127.0.0.1", help="broker [127.0.0.1]")
    one.add_argument("--port", type=_port, default=1883, help="its port [1883]")
    one.add_argument("--site", default="+", help="only this site's readings")

    one = add("compare", "Compare the variant's readings with those that count.", compare.command)
    one.add_argument("--config", type=Path, required=True, help="the configuration of `appliance run`")

    one = add(
        "doctor", "Check camera, TPU, models, broker, disk and clock, and say what to do.", doctor.command
    )
    one.add_argument("--config", type=Path, required=True, help="TOML file, see docs/configuration.md")
    return parser


def _add_measured(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--calibration", type=Path, required=True, help="folder that `appliance calibrate` wrote"
    )
    _add_models(parser)
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="pictures of returned trays")


def _add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--models",
        type=Path,
        metavar="DIR",
        help="folder of the networks, with its manifest.json; without it back projection measures alone",
    )


def _add_tuned(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--calibration", type=Path, required=True, help="folder that `appliance calibrate` wrote"
    )
    parser.add_argument(
        "--labels",
        type=Path,
        required=True,
        metavar="FILE",
        help="CSV file: image,compartment,leftover (0..1)",
    )
    parser.add_argument(
        "--start",
        type=Path,
        nargs="+",
        metavar="IMAGE",
        help="only begin the file of labels, with a row to fill in for every compartment of these pictures",
    )
    parser.add_argument(
        "--config", type=Path, help="take the present settings from this configuration [the defaults]"
    )
    _add_models(parser)
    parser.add_argument(
        "--keep", action="append", default=[], metavar="KEY", help="leave this key of [estimate] as it is"
    )
    parser.add_argument("--trials", type=_positive, default=200, help="settings to try at most [200]")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same search [1]")
    parser.add_argument(
        "--out", type=Path, default=Path("tuning"), help="folder for settings, plot and trials [tuning]"
    )


def _size_mm(text: str) -> tuple[float, float]:
    width, _, height = text.lower().partition("x")
    try:
        size = float(width), float(height)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no size; write WIDTHxHEIGHT in mm, as 375x290"
        ) from None
    if not all(50 <= side <= 1000 for side in size):
        raise argparse.ArgumentTypeError(f"{text} mm is no tray; both sides are from 50 to 1000 mm")
    return size


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; use 1 to 65535")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
