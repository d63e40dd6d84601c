"""`convert card`: what an evaluation says goes into the manifest and the models' cards."""

import argparse
from pathlib import Path

from pydantic import ValidationError

from appliance.inference.manifest import FILE_NAME, ModelEntry, load_manifest
from convert.errors import ConvertError
from convert.manifest import add_entry
from convert.recipe import read_recipe
from convert.synth.recipe import Trays
from convert.train.recipe import sources


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Puts the figures of convert evaluate into DIR/manifest.json and writes the models' cards anew. The"
        " report has to be of the files that are in the folder."
    )
    parser.add_argument("--models", type=Path, required=True, metavar="DIR", help="folder of models")
    parser.add_argument("--report", type=Path, metavar="FILE", help="report.json of convert evaluate")
    parser.add_argument(
        "--trays",
        type=Path,
        metavar="FILE",
        help="recipe of the trays, as training/trays.toml, for models that were trained without a recipe:"
        " whose photographs are in them",
    )


def command(options: argparse.Namespace) -> int:
    """Write the cards; raises `ConvertError` and `ModelError`."""
    entries = load_manifest(options.models / FILE_NAME).models
    if options.trays is not None:
        trays = read_recipe(options.trays, Trays)
        entries = tuple(_with_sources(entry, trays) for entry in entries)
    if options.report is not None:
        entries = _with_accuracy(entries, options.report)
    for entry in entries:
        add_entry(options.models, entry)
        print(f"{options.models / entry.name}.md: {len(entry.accuracy)} figures of accuracy")
    return 0


def _with_sources(entry: ModelEntry, trays: Trays) -> ModelEntry:
    record = entry.training
    if record is None:
        return entry
    known = {source.name for source in record.sources}
    added = tuple(source for source in sources(trays, record.data) if source.name not in known)
    return entry.model_copy(
        update={"training": record.model_copy(update={"sources": record.sources + added})}
    )


def _with_accuracy(entries: tuple[ModelEntry, ...], path: Path) -> tuple[ModelEntry, ...]:
    # They bring OpenCV, which is slow to import.
    from convert.evaluate.model_figures import model_figures  # noqa: PLC0415
    from convert.evaluate.result import Accuracy  # noqa: PLC0415

    try:
        report = Accuracy.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConvertError(
            f"{path}: cannot be read ({error.strerror}); make it with convert evaluate"
        ) from None
    except ValidationError:
        raise ConvertError(
            f"{path}: is no report of convert evaluate of this version; make it anew"
        ) from None
    return tuple(entry.model_copy(update={"accuracy": model_figures(report, entry)}) for entry in entries)
