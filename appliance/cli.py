"""`appliance`: the commands, their options, and the one place where errors become a line and a status."""

import argparse
import importlib
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2

from appliance import __version__
from appliance.errors import CalibrationError, ConfigError, JanbanError
from appliance.logs.setup import set_up as set_up_logs
from appliance.provision.places import Places
from appliance.publish.topics import checked_name
from appliance.remote.request import ARGUMENTS

_EXIT_FAULT = 1
_EXIT_SETTINGS = 78
"""EX_CONFIG of sysexits.h: what neither a restart nor a reboot mends; the systemd unit knows it."""
_EXIT_INTERRUPTED = 130
_CONFIG = Places().config


def _from(module: str, function: str = "command") -> Callable[[argparse.Namespace], int]:
    """Return a command whose module is imported when it is called.

    The service has no need of what tuning needs, and a camera's worker, which imports the program that
    started it once more, of none of them.
    """

    def command(options: argparse.Namespace) -> int:
        status: int = getattr(importlib.import_module(f"appliance.commands.{module}"), function)(options)
        return status

    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, or non-zero with one line on standard error."""
    options = _parser().parse_args(arguments)
    set_up_logs()
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
        "calibrate", "Learn a tray type from an empty tray, and a meal from a full one.", _from("calibrate")
    )
    one.add_argument("--empty", type=Path, required=True, help="picture of a clean, empty tray")
    one.add_argument("--full", type=Path, help="picture of the same tray served in full")
    one.add_argument(
        "--tray-mm", type=_size_mm, default=(375.0, 290.0), metavar="WxH", help="size of the tray [375x290]"
    )
    one.add_argument("--out", type=Path, required=True, help="folder to write the calibration to")

    one = _add_config(
        add(
            "photograph",
            "Take a picture with the box's camera, to calibrate with.",
            _from("photograph"),
            json=False,
        )
    )
    one.add_argument("--out", type=Path, required=True, metavar="FILE", help="the picture, .png or .jpg")

    one = add("measure", "Measure trays in pictures.", _from("measure"))
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

    one = add("bench", "Time every stage of measuring, and the memory it takes.", _from("bench"))
    _add_measured(one)
    one.add_argument("--repeat", type=_positive, default=20, help="measure every picture so often [20]")

    one = add("tune", "Search better settings on pictures whose leftovers people told.", _from("tune"))
    _add_tuned(one)

    _add_config(add("run", "Run the service.", _from("run"), json=False))

    one = add("demo", "Run everything on this machine: simulated line, broker, subscriber.", _from("demo"))
    one.add_argument("--out", type=Path, default=Path("run"), help="folder for the demo's files [run]")
    one.add_argument("--port", type=_port, default=1883, help="loopback port of the broker [1883]")
    one.add_argument("--trays", type=_positive, help="end after so many readings")
    _add_models(one)

    one = add("watch", "Print readings as they arrive at the broker.", _from("watch"))
    one.add_argument("--config", type=Path, help="take broker, credentials and site from this file")
    one.add_argument("--host", default="127.0.0.1", help="broker [127.0.0.1]")
    one.add_argument("--port", type=_port, default=1883, help="its port [1883]")
    one.add_argument("--site", default="+", help="only this site's readings")

    one = add("compare", "Compare the variant's readings with those that count.", _from("compare"))
    one.add_argument("--config", type=Path, required=True, help="the configuration of `appliance run`")

    _add_command(add("command", "Ask a box for something, as one of its operators.", _from("command")))

    one = add("operator-key", "Make an operator's key pair.", _from("command", "operator_key"))
    one.add_argument("--name", type=_name, required=True, help="the operator's name")
    one.add_argument("--out", type=Path, required=True, metavar="FILE", help="file for the private key (PEM)")

    _add_config(
        add(
            "doctor",
            "Check camera, TPU, models, broker, disk and clock, and say what to do.",
            _from("doctor"),
        )
    )

    one = _add_config(
        add(
            "diagnostics", "Write an archive for support, without secrets and pictures.", _from("diagnostics")
        )
    )
    one.add_argument("--out", type=Path, required=True, metavar="FILE", help="the archive to write, .tar.gz")

    one = add(
        "provision",
        "Take on the identity that a file on the boot partition gives, and wipe the file.",
        _from("provision"),
        json=False,
    )
    _add_provisioned(one)

    _add_updated(
        add("update", "Install an update of the system, keep it or leave it.", _from("update"), json=False)
    )
    return parser


def _add_config(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--config", type=Path, required=True, help="TOML file, see docs/configuration.md")
    return parser


def _add_command(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help=f"one of {', '.join(ARGUMENTS)}")
    parser.add_argument(
        "--key", type=Path, required=True, metavar="FILE", help="private key of `appliance operator-key`"
    )
    parser.add_argument(
        "--arg", type=_pair, action="append", default=[], metavar="KEY=VALUE", help="argument of the command"
    )
    parser.add_argument("--timeout", type=_positive, default=150, help="seconds to wait for the result [150]")
    parser.add_argument("--out", type=Path, metavar="FILE", help="keep the picture or archive that it brings")
    parser.add_argument("--config", type=Path, help="take broker, site and device from this configuration")
    parser.add_argument("--site", type=_name, help="site of the box")
    parser.add_argument("--device", type=_name, help="name of the box")
    parser.add_argument("--host", default="127.0.0.1", help="broker [127.0.0.1]")
    parser.add_argument("--port", type=_port, default=1883, help="its port [1883]")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="TLS: certificates that vouch for the broker")
    parser.add_argument("--cert", type=Path, metavar="FILE", help="TLS: your certificate for the broker")
    parser.add_argument("--cert-key", type=Path, metavar="FILE", help="TLS: the key of that certificate")
    parser.add_argument("--username", help="name for brokers that ask for a password")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="its first line is the password")


def _add_measured(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--calibration", type=Path, required=True, help="folder that `appliance calibrate` wrote"
    )
    _add_models(parser)
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="pictures of returned trays")


def _add_provisioned(parser: argparse.ArgumentParser) -> None:
    places = Places()
    for name, place, words in (
        ("--file", places.file, "the provision file, see docs/provisioning.md"),
        ("--config", places.config, "the configuration to write"),
        ("--state", places.state, "folder of the identity"),
        ("--root", places.root, "where the box's file system lies, as for an image; other paths are in it"),
    ):
        parser.add_argument(name, type=Path, default=place, help=f"{words} [{place}]")
    parser.add_argument(
        "--replace", action="store_true", help="replace a configuration that was written by hand"
    )


def _add_updated(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--root", type=Path, default=Path("/"), metavar="DIR", help="where the box's file system lies [/]"
    )
    what = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    one = what.add_parser(
        "install",
        help="a signed bundle: a system goes to the spare slot, and the box restarts into it, on trial;"
        " networks or a menu alone are tried by the service",
    )
    one.add_argument("bundle", type=Path, metavar="BUNDLE", help="the bundle, or a folder with one in it")
    one.add_argument("--again", action="store_true", help="also if this very bundle was begun before")
    one.add_argument("--older", action="store_true", help="also if it was made before what runs")
    one.add_argument(
        "--config",
        type=Path,
        default=_CONFIG,
        help=f"the configuration of `appliance run`, for networks and menus [{_CONFIG}]",
    )
    one = what.add_parser("settle", help="after a start: keep a system on trial that measures, or leave it")
    one.add_argument("--config", type=Path, required=True, help="the configuration of `appliance run`")
    one = what.add_parser("status", help="say which slot runs, and what became of the last update")
    one.add_argument("--json", action="store_true", help="print a JSON line instead of text")


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


def _name(text: str) -> str:
    try:
        return checked_name(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no name; use letters, digits, '-' and '_'") from None


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is no argument; write KEY=VALUE")
    return key, value


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
