"""`convert average`: the mean of a training's weights and of those that it began with."""

import argparse
import sys
from pathlib import Path

from convert.errors import ConvertError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Writes the mean of two checkpoints' weights: of a training that began with other weights"
        " (--begin-with), and of those (Wortsman et al., 2022). It often does better on trays unlike those"
        " of the training than either. A ResNet's confidence is then put right, as convert train does."
    )
    parser.add_argument("before", type=Path, metavar="BEFORE", help="what the training began with")
    parser.add_argument("after", type=Path, metavar="AFTER", help="what it ended with")
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True, metavar="DIR", help="folders that convert synth made"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the weights, ending in .pt")


def command(options: argparse.Namespace) -> int:
    """Average; raises `ConvertError` and its kinds."""
    out: Path = options.out
    if out.suffix != ".pt" or out.is_dir():
        raise ConvertError(f"{out}: the weights' file ends in .pt, as weights/midas.pt")
    from convert.networks.recognise import open_checkpoint  # noqa: PLC0415 - PyTorch is slow to import
    from convert.networks.resnet import ResNetTray  # noqa: PLC0415
    from convert.train.average import SIDE_PX, average_checkpoints  # noqa: PLC0415
    from convert.train.confidence import calibrate_checkpoint  # noqa: PLC0415
    from convert.train.dataset import find_data  # noqa: PLC0415
    from convert.train.loop import told  # noqa: PLC0415
    from convert.train.rectify import Views  # noqa: PLC0415

    data = find_data(options.data, Views(None))
    figures = average_checkpoints(options.before, options.after, out, data)
    if isinstance(open_checkpoint(out, height=SIDE_PX, width=SIDE_PX), ResNetTray):
        for head in calibrate_checkpoint(out, out, data):
            print(head.told(), file=sys.stderr)
    print(f"{out}: {told(figures)}")
    return 0
