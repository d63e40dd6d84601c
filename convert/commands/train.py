"""`convert train`: weights of one network from synthetic trays."""

import argparse
import sys
from pathlib import Path

from convert.atomic import write_whole
from convert.errors import ConvertError
from convert.synth.recipe import Trays
from convert.train.recipe import TrainingRecipe, load_recipe, sources
from convert.train.settings import network_name

_SIGNALLED = 128
_OVERRIDING = ("steps", "batch", "seed", "precision", "threads")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Trains a network on pictures of convert synth and writes its best weights, judged on set-ups"
        " that it does not train on, as convert midas|resnet --checkpoint takes them. Beside --out lie"
        " NAME.training.pt (the state, kept every few minutes and when interrupted; go on with --resume"
        " and the same options), NAME.training.jsonl (figures), NAME.training.png (their curves) and the"
        " folder views (rectified pictures, made again if deleted)."
    )
    parser.add_argument("family", choices=("midas", "resnet"), help="depth or segmentation")
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True, metavar="DIR", help="folders that convert synth made"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="the weights, as weights/midas.pt"
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="recipe, as training/midas.toml; options here override it"
    )
    parser.add_argument("--steps", type=int, metavar="N", help="default: 12000")
    parser.add_argument("--batch", type=int, metavar="B", help="pictures a step (default: 8)")
    parser.add_argument(
        "--encoder", metavar="NAME", help="lite0 (default), lite1, lite2; resnet18 (default), resnet50"
    )
    parser.add_argument("--seed", type=int, metavar="S", help="0 or more (default: 0)")
    parser.add_argument("--resume", action="store_true", help="go on where the training of --out stopped")
    parser.add_argument(
        "--begin-with", type=Path, metavar="FILE",
        help="first weights: a checkpoint of the same network, to train it further, or an ImageNet classifier"
        " for its encoder [midas: from the installed package; resnet: random]",
    )  # fmt: skip
    parser.add_argument("--minutes", type=float, metavar="M", help="stop after this time, to be resumed")
    parser.add_argument(
        "--precision",
        choices=("float32", "bfloat16"),
        help="of a step's arithmetic (default: float32); bfloat16 is faster on processors with AVX512-BF16",
    )
    parser.add_argument("--threads", type=int, metavar="T", help="of the processor (default: 2)")


def command(options: argparse.Namespace) -> int:
    """Train; raises `ConvertError`. Interrupted, it keeps its state and exits with 128 + the signal."""
    _check(options)
    recipe, trays = _recipe(options)
    # PyTorch is slow to import; wrong options are told at once.
    import torch  # noqa: PLC0415

    from convert.networks.imagenet import PACKAGED_SOURCES  # noqa: PLC0415
    from convert.networks.state import read_record  # noqa: PLC0415
    from convert.train.confidence import calibrate_checkpoint  # noqa: PLC0415
    from convert.train.curve import curve  # noqa: PLC0415
    from convert.train.dataset import find_data  # noqa: PLC0415
    from convert.train.log import log_path, read_log  # noqa: PLC0415
    from convert.train.loop import Pace, told, train  # noqa: PLC0415
    from convert.train.rectify import Views  # noqa: PLC0415
    from convert.train.state import IMAGENET, Training, state_path  # noqa: PLC0415
    from convert.train.stop import stopping  # noqa: PLC0415

    out: Path = options.out
    data = find_data(options.data, Views(out.parent / "views"))
    others = [*sources(trays, data.origins)]
    if options.resume and not state_path(out).exists():
        raise ConvertError(f"{state_path(out)}: no training to go on with; leave --resume out to begin one")
    if not options.resume and (state_path(out).exists() or out.exists()):
        raise ConvertError(f"{out}: a training is there; go on with --resume, or give another --out")
    _make_folder(out.parent)
    torch.set_num_threads(recipe.threads)
    with stopping(options.minutes) as stop:
        training = Training(
            recipe.settings(data.origins), begin_with=None if options.resume else options.begin_with
        )
        if options.resume:
            training.restore(state_path(out))
        elif recipe.imagenet and options.begin_with is None and training.beginning != IMAGENET:
            raise ConvertError(
                f"{options.config}: imagenet is true, but the encoder's is {training.beginning}"
            )
        print(
            f"{recipe.network}, first weights: {training.beginning}; {len(data.training)} pictures, "
            f"{len(data.validation)} to validate on; from step {training.step} of {recipe.steps}",
            file=sys.stderr,
        )
        if training.beginning == IMAGENET and recipe.network in PACKAGED_SOURCES:
            others.append(PACKAGED_SOURCES[recipe.network])
        earlier = None if options.begin_with is None else read_record(options.begin_with)
        others += [] if earlier is None else [source for source in earlier.sources if source not in others]
        pace = Pace(validate_steps=recipe.validation.every_steps, validated=recipe.validation.pictures)
        figures = train(training, data, out, stop, pace, sources=others, earlier=earlier)
        if options.family == "resnet" and stop.number is None and out.exists():
            for head in calibrate_checkpoint(out, out, data):
                print(head.told(), file=sys.stderr)
    log = log_path(out)
    write_whole(log.with_suffix(".png"), curve(read_log(log)))
    if training.step < recipe.steps:
        print(f"{state_path(out)}: stopped at step {training.step} ({stop.why}); go on with --resume")
        return 0 if stop.number is None else _SIGNALLED + stop.number
    print(f"{out}: trained {training.step} steps{': ' + told(figures) if figures else ''}")
    return 0


def _recipe(options: argparse.Namespace) -> tuple[TrainingRecipe, Trays | None]:
    """Return the recipe, with what the options override."""
    if options.config is None:
        network = network_name(options.family, options.encoder)
        recipe, trays = TrainingRecipe.model_validate({"network": network}), None
    else:
        recipe, trays = load_recipe(options.config, options.family)
    given = {key: getattr(options, key) for key in _OVERRIDING if getattr(options, key) is not None}
    if options.encoder is not None:
        given["network"] = network_name(options.family, options.encoder)
    return recipe.model_copy(update=given), trays


def _check(options: argparse.Namespace) -> None:
    least = {"steps": 1, "batch": 2, "seed": 0, "threads": 1}
    if any(getattr(options, key) is not None and getattr(options, key) < low for key, low in least.items()):
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
