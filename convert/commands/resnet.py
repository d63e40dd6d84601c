"""`convert resnet`: the chain for segmentation and quantity."""

import argparse

from convert.chain import run_chain
from convert.networks.build import resnet
from convert.order import add_order_arguments, order_of, tell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    add_order_arguments(parser)
    parser.add_argument(
        "--depth", type=int, choices=(18, 50), default=18, help="of random weights [18]; a checkpoint tells"
    )


def command(options: argparse.Namespace) -> int:
    """Run the chain; raises `ConvertError` and its kinds."""
    width, height = options.size
    order = order_of(options, "resnet", resnet(options.depth, height=height, width=width))
    tell(run_chain(order, options.out), options.out, as_json=options.json)
    return 0
