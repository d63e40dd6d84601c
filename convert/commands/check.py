"""`convert check`: what the Edge TPU compiler would map of a model."""

import argparse
import json
from pathlib import Path

from convert.edgetpu.check import check, wider_tensor
from convert.edgetpu.table import check_text
from convert.errors import ModelFileError
from convert.tflite.graph import read_graph


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("model", type=Path, metavar="MODEL.tflite")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--require-int8",
        action="store_true",
        help="fail, with one line, if the model computes anything in floating point or 16 bits",
    )
    parser.epilog = (
        "Predicts version 16 of the compiler with its default options. "
        "The exit status is 0 whatever stays on the CPU."
    )


def command(options: argparse.Namespace) -> int:
    """Print the prediction; raises `ModelFileError`."""
    graph = read_graph(options.model)
    found = wider_tensor(graph) if options.require_int8 else None
    if found:
        raise ModelFileError(
            f"{options.model}: not fully quantised to 8 bits: {found}; use full-integer quantisation"
        )
    result = check(graph)
    if options.json:
        print(json.dumps({"model": str(options.model)} | result.as_json()))
    else:
        print(check_text(str(options.model), graph.file_bytes, result))
    return 0
