"""`convert evaluate`: how good networks and estimators are, on trays with known truth."""

import argparse
import sys
from pathlib import Path

from appliance.estimate.fusion_rule import FusionRule, by_study
from convert.arguments import positive
from convert.errors import ConvertError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Measures trays with known truth by every estimator, alone and joined, and writes report.md,"
        " report.json, wells.csv, plots, and sheets of the worst trays. Without --models and --float, back"
        " projection alone is judged."
    )
    networks = parser.add_argument_group("networks")
    networks.add_argument(
        "--models", type=Path, metavar="DIR", help="folder with a manifest: its int8 files, as on the device"
    )
    networks.add_argument(
        "--float", type=Path, nargs="+", metavar="FILE", help="checkpoints of MiDaS and ResNet, to compare"
    )
    trays = parser.add_argument_group("trays (one source at least)")
    trays.add_argument(
        "--synth", type=Path, nargs="+", metavar="DIR",
        help="folders of convert synth; set-ups 9, 29, … are measured, which nothing is trained or chosen by",
    )  # fmt: skip
    trays.add_argument(
        "--rendered", type=Path, metavar="DIR", help="folder rendered_trays; in exact geometry, and located"
    )
    trays.add_argument("--photographs", type=Path, metavar="DIR", help="folder steel_tray")
    trays.add_argument(
        "--limit", type=positive, metavar="N", help="at most N trays of each source, evenly taken"
    )
    parser.add_argument("--threads", type=positive, default=1, metavar="T", help="of the networks [1]")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the report")
    parser.add_argument("--json", action="store_true", help="print report.json")


def command(options: argparse.Namespace) -> int:
    """Evaluate, write the report, print a summary; raises `JanbanError`."""
    if not (options.synth or options.rendered or options.photographs):
        raise ConvertError("no trays are named; give --synth, --rendered or --photographs")
    # LiteRT, PyTorch and matplotlib are slow to import; wrong options are told at once.
    from tqdm import tqdm  # noqa: PLC0415

    from convert.evaluate.networks import (  # noqa: PLC0415
        fusion_of_folder,
        open_checkpoints,
        open_models,
    )
    from convert.evaluate.photographs import photographs  # noqa: PLC0415
    from convert.evaluate.rendered import rendered  # noqa: PLC0415
    from convert.evaluate.report import summary  # noqa: PLC0415
    from convert.evaluate.run import evaluate  # noqa: PLC0415
    from convert.evaluate.synthetic import synthetic  # noqa: PLC0415
    from convert.evaluate.write import REPORT_FILE, report_in, write  # noqa: PLC0415

    sources = []
    if options.synth:
        sources.append(synthetic(options.synth, options.limit))
    if options.rendered:
        sources += [rendered(options.rendered, how, options.limit) for how in ("exact", "located")]
    if options.photographs:
        sources.append(photographs(options.photographs))
    runs = []
    fusion: FusionRule = by_study
    if options.models:
        runs.append(open_models(options.models, threads=options.threads))
        fusion, fault = fusion_of_folder(options.models)
        if fault is not None:
            print(f"convert: {fault}", file=sys.stderr)
    if options.float:
        runs.append(open_checkpoints(options.float, threads=options.threads))
    trays = sum(source.count for source in sources)
    with report_in(options.out) as folder:
        with tqdm(total=trays, unit="tray", file=sys.stderr) as progress:
            evaluation = evaluate(sources, runs, progress.update, fusion)
        write(evaluation, folder)
    if options.json:
        print(evaluation.result.model_dump_json())
    else:
        print(f"{summary(evaluation.result)}\nreport: {options.out / REPORT_FILE}")
    return 0
