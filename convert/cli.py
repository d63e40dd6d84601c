"""`convert`: the commands, and the one place where errors become a line and a status."""

import argparse
import importlib
import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Protocol, cast

from appliance import __version__
from appliance.errors import JanbanError

_EXIT_FAULT = 1
_EXIT_INTERRUPTED = 130

COMMANDS: Final = {
    "midas": "Take MiDaS from PyTorch to int8 TFLite: export, convert, check, compare.",
    "resnet": "Take ResNet from PyTorch to int8 TFLite: export, convert, check, compare.",
    "check": "Predict what the Edge TPU compiler would map of a TFLite model.",
    "edgetpu": "Run the Edge TPU compiler on models that share the on-chip memory.",
    "log": "Read a saved output of the Edge TPU compiler.",
    "parity": "Compare the stages of a conversion on pictures, and hold them against the gates.",
    "self-test": "Record what the networks have to answer on the device before they serve.",
    "cost": "Show size, operations, memory and predicted times of a model.",
    "env": "Build the environments of the converters.",
    "card": "Put what an evaluation says into the models' cards.",
    "train": "Train a network on synthetic trays.",
    "average": "Take the mean of a training's weights and of those that it began with.",
    "confidence": "Let a classifier say how sure it is, by how often it is right.",
    "evaluate": "Measure networks and estimators on trays with known truth.",
    "fusion": "Fit how the appliance joins its estimates, to trays of known truth.",
    "synth": "Make pictures of synthetic trays with exact ground truth.",
}
"""Command → summary; each is a module of `convert.commands`, with `_` for `-`."""


class Command(Protocol):
    """What a module of `convert.commands` has; importing it must not import torch, onnx or TensorFlow."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's options."""

    def command(self, options: argparse.Namespace) -> int:
        """Run and return the exit status."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, or non-zero with one line on standard error."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser(next((word for word in arguments if word in COMMANDS), None)).parse_args(arguments)
    logging.basicConfig(
        level=os.environ.get("JANBAN_LOG", "WARNING").upper(),
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    try:
        with _ending_cleanly():
            return cast("Command", options.module).command(options)
    except JanbanError as error:
        print(f"convert: {error}", file=sys.stderr)
        return _EXIT_FAULT
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left, as `convert check … | head` does; nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _EXIT_FAULT


@contextmanager
def _ending_cleanly() -> Iterator[None]:
    """Leave on SIGTERM and SIGHUP as on Ctrl-C: running converters are stopped, temporary folders removed."""

    def leave(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    # One that is ignored stays so: `nohup convert …` outlives its terminal.
    caught = [
        number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) == signal.SIG_DFL
    ]
    for number in caught:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in caught:
            signal.signal(number, signal.SIG_DFL)


def _parser(chosen: str | None) -> argparse.ArgumentParser:
    """Return the parser; only the chosen command's module is imported."""
    parser = argparse.ArgumentParser(
        prog="convert", description="Turns PyTorch models into models the device can run."
    )
    parser.add_argument("--version", action="version", version=f"convert {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, summary in COMMANDS.items():
        added = commands.add_parser(name, help=summary, description=summary)
        if name == chosen:
            module = cast("Command", importlib.import_module(f"convert.commands.{name.replace('-', '_')}"))
            added.set_defaults(module=module)
            module.add_arguments(added)
    return parser


if __name__ == "__main__":
    sys.exit(main())
