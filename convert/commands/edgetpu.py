"""`convert edgetpu`: compile models together with the real Edge TPU compiler."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from convert.arguments import seconds
from convert.edgetpu.compiler import Compilation, Compiled, compile_models, differences
from convert.edgetpu.log_text import model_text
from convert.edgetpu.models_folder import compile_folder
from convert.errors import ConvertError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "files", type=Path, nargs="*", metavar="MODEL.tflite", help="the first gets the on-chip memory first"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="for X_edgetpu.tflite and logs")
    parser.add_argument(
        "--models", type=Path, metavar="DIR",
        help="instead of files and --out: compile a models folder, and put the results into its manifest",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--require-all-mapped",
        action="store_true",
        help="fail, and leave nothing in DIR, if an operator stays on the CPU",
    )
    parser.add_argument(
        "--deadline",
        type=seconds,
        default=600.0,
        metavar="SECONDS",
        help="stop the compiler then (%(default)g)",
    )
    parser.epilog = (
        "Runs edgetpu_compiler from PATH, or the program that $EDGETPU_COMPILER names. Models named together "
        "are compiled together, and share the on-chip memory on the device."
    )


def command(options: argparse.Namespace) -> int:
    """Compile and compare with the prediction; raises `ToolError` and `ModelFileError`."""
    limits = {"deadline_s": options.deadline, "require_all_mapped": options.require_all_mapped}
    if options.models is not None and not options.files and options.out is None:
        compilation = compile_folder(options.models, **limits)
    elif options.models is None and options.files and options.out is not None:
        compilation = compile_models(options.files, options.out, **limits)
    else:
        raise ConvertError("name either models and --out DIR for the results, or --models DIR alone")
    print(json.dumps(_as_json(compilation)) if options.json else _text(compilation))
    return 0


def _as_json(compilation: Compilation) -> dict[str, object]:
    return {
        "version": compilation.log.version,
        "duration_ms": compilation.log.duration_ms,
        "log": str(compilation.log_file),
        "models": [
            {
                "model": str(one.model),
                "output": str(one.output),
                "compiler": asdict(one.log),
                "predicted": one.predicted.as_json(),
                "agrees": not differences(one),
                "differences": list(differences(one)),
            }
            for one in compilation.models
        ],
    }


def _text(compilation: Compilation) -> str:
    took = compilation.log.duration_ms
    head = f"Compiler {compilation.log.version}" + ("" if took is None else f", {took} ms")
    return "\n\n".join([head, *(_model_text(one) for one in compilation.models)])


def _model_text(one: Compiled) -> str:
    found = differences(one)
    verdict = "\n".join(["The prediction was wrong:", *found]) if found else "As predicted."
    return f"{model_text(one.log)}\n{verdict}\nwrote {one.output}"
