"""`convert parity`: compare the stages of a conversion on pictures, and hold them against the gates."""

import argparse
import dataclasses
import sys
from pathlib import Path

from convert.arguments import positive
from convert.errors import ConvertError
from convert.parity.gates import DEFAULT, load_gates
from convert.parity.report import summary
from convert.parity.run import run_parity
from convert.parity.stages import StageFiles, files_in, open_stages
from convert.pictures import pictures_for

_SEED = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.epilog = (
        "The first of the stages given, in the order checkpoint, ONNX, SavedModel, TFLite float32, int8,"
        " Edge TPU, is the reference. Exit status 1 when a gate fails; the report is written all the same."
        " A file of gates changes single limits: the table [inverse_depth.int8] with the line"
        " aligned_error.mean = 0.3, for example."
    )
    files = parser.add_argument_group("stages (two at least)")
    files.add_argument("--models", type=Path, metavar="DIR", help="all of one network that the folder holds")
    files.add_argument(
        "--network", metavar="NAME", help="midas-lite0 to 3, resnet18, resnet50 [told by files]"
    )
    files.add_argument("--checkpoint", type=Path, metavar="FILE", help="PyTorch state dict")
    files.add_argument("--onnx", type=Path, metavar="FILE", help="ONNX file")
    files.add_argument("--saved-model", type=Path, metavar="DIR", help="SavedModel folder")
    files.add_argument("--route", metavar="NAME", help="converter that wrote the SavedModel [onnx2tf]")
    files.add_argument("--tflite", type=Path, metavar="FILE", nargs="+", default=[], help="float32 and int8")
    files.add_argument("--edgetpu", type=Path, metavar="FILE", help="compiled file; needs the device")
    parser.add_argument(
        "--pictures", type=Path, metavar="PATH", nargs="+", help="a folder, or files [simulated trays]"
    )
    parser.add_argument("--limit", type=positive, default=32, metavar="N", help="use at most N [32]")
    parser.add_argument("--gates", type=Path, metavar="FILE", help="limits of your own, in TOML")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the report")
    parser.add_argument("--json", action="store_true", help="print the whole result as JSON")


def command(options: argparse.Namespace) -> int:
    """Compare, write the report and print a summary; raises `GateError` when a gate fails."""
    gates = DEFAULT if options.gates is None else load_gates(options.gates)
    files = StageFiles() if options.models is None else files_in(options.models)
    given = {
        name: value
        for name in ("network", "checkpoint", "onnx", "saved_model", "route", "edgetpu")
        if (value := getattr(options, name)) is not None
    }
    files = dataclasses.replace(files, **given, tflite=tuple(options.tflite) or files.tflite)
    opened = open_stages(files, compiled_must_run=options.edgetpu is not None)
    for reason in opened.absent:
        print(f"convert parity: left out: {reason}", file=sys.stderr)
    if len(opened.stages) < 2:
        there = f"only {opened.stages[0].name}" if opened.stages else "no stage"
        raise ConvertError(f"{there} is given; a comparison takes two stages or more")
    paths: list[Path] | None = options.pictures
    one_or_more = paths[0] if paths is not None and len(paths) == 1 else paths
    shown = pictures_for(one_or_more, opened.spec, options.limit, _SEED)
    result = run_parity(
        opened.stages, opened.spec, shown.images, shown.names, options.out, gates=gates, origin=shown.origin
    )
    print(result.model_dump_json() if options.json else summary(result, options.out))
    result.enforce()
    return 0
