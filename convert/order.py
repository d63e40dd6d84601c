"""From a command's options to an order for the chain; weights, pictures and gates are judged first."""

import argparse
import hashlib
from pathlib import Path
from typing import Final

from appliance.inference.manifest import ModelEntry, Origin
from appliance.inference.record import TrainingRecord
from convert.arguments import positive, seed
from convert.chain import Order
from convert.errors import CheckpointError, ConvertError
from convert.networks.build import LARGEST, MULTIPLE
from convert.networks.initialise import initialise
from convert.networks.network import Network
from convert.networks.recognise import Family, download_published, open_checkpoint
from convert.networks.state import read_record
from convert.parity.gates import DEFAULT, load_gates
from convert.pictures import pictures_for
from convert.routes.route import DEFAULT_ROUTE, ROUTES
from convert.train.log import log_path, read_log, record_in

_CALIBRATION_SEED: Final = 1
_PARITY_SEED: Final = 2


def add_order_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what all networks of the chain have in common."""
    weights = parser.add_mutually_exclusive_group()
    weights.add_argument("--checkpoint", type=Path, metavar="FILE", help="PyTorch state dict of the network")
    weights.add_argument(
        "--random",
        type=seed,
        metavar="SEED",
        help="random weights instead, to try the chain; implies --no-gates",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of models, with their manifest")
    parser.add_argument(
        "--size", type=size_px, default=(256, 256), metavar="WxH",
        help=f"of the network's input, multiples of {MULTIPLE} up to {LARGEST} [256x256]",
    )  # fmt: skip
    parser.add_argument(
        "--calibration", type=Path, metavar="DIR",
        help="pictures that int8's ranges are taken from, like those the device will see: rectified trays, or"
        " a folder of convert synth, of which set-ups to train on are rectified [simulated trays]",
    )  # fmt: skip
    parser.add_argument(
        "--pictures",
        type=Path,
        metavar="DIR",
        help="other pictures, to compare the stages on; of a folder of convert synth, the set-ups to validate"
        " on [simulated trays]",
    )
    parser.add_argument(
        "--limit", type=positive, default=(100, 32), nargs=2, metavar=("C", "P"),
        help="use so many of the pictures for calibration and for comparison [100 32]",
    )  # fmt: skip
    parser.add_argument(
        "--route",
        choices=tuple(ROUTES),
        default=DEFAULT_ROUTE,
        help=f"from ONNX to TensorFlow [{DEFAULT_ROUTE}]",
    )
    parser.add_argument(
        "--io", choices=("int8", "uint8", "float32"), default="int8", help="type of input and outputs [int8]"
    )
    gates = parser.add_mutually_exclusive_group()
    gates.add_argument("--gates", type=Path, metavar="FILE", help="limits of your own, in TOML")
    gates.add_argument("--no-gates", action="store_true", help="report, but keep a model that fails")
    parser.add_argument(
        "--device-only", action="store_true", help="write what the device needs, not the stages before it"
    )
    parser.add_argument("--origin", metavar="TEXT", help="where the weights come from, for the manifest")
    parser.add_argument("--licence", metavar="SPDX", help="of the weights, for the manifest")
    parser.add_argument("--json", action="store_true", help="print the manifest's entry as JSON")


def order_of(options: argparse.Namespace, family: Family, fresh: Network) -> Order:
    """Return the order; `fresh` is the network that random weights are put into.

    Without a checkpoint, the published weights are fetched where there are any. Raises `ConvertError` and
    its kinds, one line, for whatever is wrong with weights, pictures or gates.
    """
    gates = DEFAULT if options.gates is None else load_gates(options.gates)
    width, height = options.size
    if options.random is None:
        network, origin = _loaded(options, family, height, width)
    else:
        network = fresh
        initialise(network, options.random)
        origin = Origin(weights=f"random, seed {options.random}", trained=False, licence="Apache-2.0")
    known = options.random is None and options.checkpoint is not None
    calibrations, comparisons = options.limit
    return Order(
        name=family,
        network=network,
        origin=origin,
        calibration=pictures_for(
            options.calibration, network.spec, calibrations, _CALIBRATION_SEED, "training"
        ),
        parity=pictures_for(options.pictures, network.spec, comparisons, _PARITY_SEED),
        gates=gates,
        training=_training(options.checkpoint) if known else None,
        enforce=not options.no_gates and options.random is None,
        route=options.route,
        io=options.io,
        device_only=options.device_only,
    )


def size_px(text: str) -> tuple[int, int]:
    """Parse a size, WIDTHxHEIGHT in pixels."""
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write WIDTHxHEIGHT in pixels, as 256x256")
    size = int(width), int(height)
    if any(side % MULTIPLE or not 0 < side <= LARGEST for side in size):
        raise argparse.ArgumentTypeError(f"{text}: both sides are multiples of {MULTIPLE} up to {LARGEST}")
    return size


def _loaded(options: argparse.Namespace, family: Family, height: int, width: int) -> tuple[Network, Origin]:
    if options.checkpoint is None:
        return _published(options, family, height, width)
    source: Path = options.checkpoint
    return open_checkpoint(source, family, height=height, width=width), Origin(
        weights=options.origin or source.name,
        weights_sha256=_sha256(source),
        trained=True,
        licence=options.licence or "NOASSERTION",
    )


def _training(checkpoint: Path) -> TrainingRecord | None:
    """Return how a checkpoint was trained: as it says, else as the log beside it does."""
    return read_record(checkpoint) or record_in(read_log(log_path(checkpoint)))


def _published(
    options: argparse.Namespace, family: Family, height: int, width: int
) -> tuple[Network, Origin]:
    if family != "midas":
        raise CheckpointError(
            "no checkpoint, and nobody publishes one for trays; give --checkpoint, or --random 0 for a trial"
        )
    try:
        network, address = download_published(height=height, width=width)
    except CheckpointError as error:
        raise CheckpointError(f"no checkpoint given, and {error}, or --random 0 for a trial") from None
    return network, Origin(weights=options.origin or address, trained=True, licence=options.licence or "MIT")


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConvertError(f"{path}: cannot be read ({error.strerror})") from None


def tell(entry: ModelEntry, out: Path, *, as_json: bool) -> None:
    """Print what was made."""
    if as_json:
        print(entry.model_dump_json())
        return
    for file in entry.files:
        print(
            f"{out / file.file}: {file.size_bytes / 1e6:.1f} MB, {entry.network}, weights:"
            f" {entry.origin.weights}"
        )
    print(f"{out / entry.name}.md has its figures, {out / 'manifest.json'} what the device checks")
