"""`convert midas`: the chain for the depth network."""

import argparse
from typing import get_args

from convert.chain import run_chain
from convert.networks.build import midas
from convert.networks.efficientnet_lite import Variant
from convert.order import add_order_arguments, order_of, tell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    add_order_arguments(parser)
    parser.add_argument(
        "--encoder",
        choices=get_args(Variant),
        default="lite0",
        help="of random weights [lite0]; a checkpoint tells",
    )


def command(options: argparse.Namespace) -> int:
    """Run the chain; raises `ConvertError` and its kinds."""
    width, height = options.size
    order = order_of(options, "midas", midas(options.encoder, height=height, width=width))
    tell(run_chain(order, options.out), options.out, as_json=options.json)
    return 0
