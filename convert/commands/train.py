"""`convert train`: weights of one network from synthetic trays."""

import argparse
import sys
from pathlib import Path

from convert.errors import ConvertError

_STEPS = 12000
_BATCH = 8
_SIGNALLED = 128


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Trains a network on pictures of convert synth and writes its best weights, judged on set-ups"
        " that it does not train on, as convert midas|resnet --checkpoint takes them. Beside --out lie"
        " NAME.training.pt (the state, kept every few minutes and when interrupted; go on with --resume"
        " and the same options),"
        " NAME.training.jsonl (figures) and the folder views (rectified pictures, made again if deleted)."
    )
    parser.add_argument("family", choices=("midas", "resnet"), help="depth or segmentation")
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True, metavar="DIR", help="folders that convert synth made"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="the weights, as weights/midas.pt"
    )
    parser.add_argument("--steps", type=int, default=_STEPS, metavar="N", help=f"default: {_STEPS}")
    parser.add_argument(
        "--batch", type=int, default=_BATCH, metavar="B", help=f"pictures a step (default: {_BATCH})"
    )
    parser.add_argument(
        "--encoder", metavar="NAME", help="lite0 (default), lite1, lite2; resnet18 (default), resnet50"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="0 or more (default: 0)")
    parser.add_argument("--resume", action="store_true", help="go on where the training of --out stopped")
    parser.add_argument("--minutes", type=float, metavar="M", help="stop after this time, to be resumed")
    parser.add_argument(
        "--precision",
        choices=("float32", "bfloat16"),
        default="float32",
        help="of a step's arithmetic (default: float32); bfloat16 is faster on processors with AVX512-BF16",
    )
    parser.add_argument("--threads", type=int, default=2, metavar="T", help="of the processor (default: 2)")


def command(options: argparse.Namespace) -> int:
    """Train; raises `ConvertError`. Interrupted, it keeps its state and exits with 128 + the signal."""
    _check(options)
    # PyTorch is slow to import; wrong options are told at once.
    import torch  # noqa: PLC0415

    from convert.train.dataset import find_data  # noqa: PLC0415
    from convert.train.loop import Pace, told, train  # noqa: PLC0415
    from convert.train.rectify import Views  # noqa: PLC0415
    from convert.train.settings import Settings, network_name  # noqa: PLC0415
    from convert.train.state import Training, state_path  # noqa: PLC0415
    from convert.train.stop import stopping  # noqa: PLC0415

    out: Path = options.out
    name = network_name(options.family, options.encoder)
    data = find_data(options.data, Views(out.parent / "views"))
    if options.resume and not state_path(out).exists():
        raise ConvertError(f"{state_path(out)}: no training to go on with; leave --resume out to begin one")
    if not options.resume and (state_path(out).exists() or out.exists()):
        raise ConvertError(f"{out}: a training is there; go on with --resume, or give another --out")
    _make_folder(out.parent)
    torch.set_num_threads(options.threads)
    with stopping(options.minutes) as stop:
        training = Training(
            Settings(
                name,
                data.origins,
                options.steps,
                options.batch,
                options.seed,
                precision=options.precision,
            )
        )
        if options.resume:
            training.restore(state_path(out))
        print(
            f"{name}, encoder's first weights: {training.beginning}; {len(data.training)} pictures, "
            f"{len(data.validation)} to validate on; from step {training.step} of {options.steps}",
            file=sys.stderr,
        )
        figures = train(training, data, out, stop, Pace())
    if training.step < options.steps:
        print(f"{state_path(out)}: stopped at step {training.step} ({stop.why}); go on with --resume")
        return 0 if stop.number is None else _SIGNALLED + stop.number
    print(f"{out}: trained {training.step} steps{': ' + told(figures) if figures else ''}")
    return 0


def _check(options: argparse.Namespace) -> None:
    if min(options.steps, options.threads) < 1 or options.batch < 2 or options.seed < 0:
        raise ConvertError("--steps and --threads must be 1 or more, --batch 2 or more, --seed 0 or more")
    if options.minutes is not None and options.minutes <= 0:
        raise ConvertError("--minutes must be above 0")
    if options.out.suffix != ".pt" or options.out.is_dir():
        raise ConvertError(f"{options.out}: the weights' file ends in .pt, as weights/midas.pt")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial = folder / ".janban-trial"
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise ConvertError(f"{folder}: cannot be written ({error.strerror}); give another --out") from None
