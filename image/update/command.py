"""What both commands that pack a bundle have in common: their keys, and how a fault is told."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from appliance.errors import JanbanError

_EXIT_FAULT: Final = 1
_EXIT_INTERRUPTED: Final = 130


def add_keys(parser: argparse.ArgumentParser) -> None:
    """Add the options for what a bundle is signed with."""
    parser.add_argument("--key", type=Path, metavar="FILE", help="private key (PEM) to sign with")
    parser.add_argument("--cert", type=Path, metavar="FILE", help="its certificate (PEM)")
    parser.add_argument(
        "--keyring", type=Path, metavar="FILE", help="what boxes trust (PEM) [the certificate]"
    )


def told(pack: Callable[[], str]) -> int:
    """Print what packing says, and return the exit status: 0, or non-zero with one line on standard error."""
    try:
        print(pack())
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
