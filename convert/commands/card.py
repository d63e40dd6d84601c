"""`convert card`: what an evaluation says goes into the manifest and the models' cards."""

import argparse
from pathlib import Path

from pydantic import ValidationError

from appliance.inference.manifest import FILE_NAME, load_manifest
from convert.errors import ConvertError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Puts the figures of convert evaluate into DIR/manifest.json and writes the models' cards anew. The"
        " report has to be of the files that are in the folder."
    )
    parser.add_argument("--models", type=Path, required=True, metavar="DIR", help="folder of models")
    parser.add_argument(
        "--report", type=Path, required=True, metavar="FILE", help="report.json of convert evaluate"
    )


def command(options: argparse.Namespace) -> int:
    """Write the cards; raises `ConvertError` and `ModelError`."""
    # Both bring OpenCV, which is slow to import.
    from convert.evaluate.model_figures import model_figures  # noqa: PLC0415
    from convert.evaluate.result import Accuracy  # noqa: PLC0415
    from convert.manifest import add_entry  # noqa: PLC0415

    try:
        report = Accuracy.model_validate_json(options.report.read_bytes())
    except OSError as error:
        raise ConvertError(
            f"{options.report}: cannot be read ({error.strerror}); make it with convert evaluate"
        ) from None
    except ValidationError:
        raise ConvertError(
            f"{options.report}: is no report of convert evaluate of this version; make it anew"
        ) from None
    entries = load_manifest(options.models / FILE_NAME).models
    found = [(entry, model_figures(report, entry)) for entry in entries]
    for entry, figures in found:
        add_entry(options.models, entry.model_copy(update={"accuracy": figures}))
        print(f"{options.models / entry.name}.md: {len(figures)} figures")
    return 0
