"""`convert fusion`: how the appliance is to join its estimates, fitted to trays of known truth."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from convert.arguments import positive
from convert.errors import ConvertError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Measures trays with known truth by the models of a folder, and writes fusion.json: for each kind of"
        " dish the weights, the curve and the uncertainty by which the joined estimates are off least. Run"
        " it again whenever the models change: the appliance takes what was fitted"
        " to other networks for nothing, and joins by the study's rule."
    )
    parser.add_argument("--models", type=Path, required=True, metavar="DIR", help="folder with a manifest")
    parser.add_argument(
        "--synth", type=Path, nargs="+", default=[], metavar="DIR",
        help="folders of convert synth; set-ups 19, 39, … are measured: never trained on, never reported",
    )  # fmt: skip
    parser.add_argument(
        "--training", type=positive, metavar="N",
        help="also N of the set-ups that networks are trained on, where those held out are few; the figures"
        " show whether the networks are better at them",
    )  # fmt: skip
    parser.add_argument(
        "--rendered", type=Path, metavar="DIR", help="folder rendered_trays, in its exact geometry"
    )
    parser.add_argument(
        "--hold-out", nargs="+", default=[], metavar="NAME",
        help="canteens of --rendered to leave out, to report on, as setup3",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FILE", help="what to write [DIR/fusion.json]")
    parser.add_argument("--json", action="store_true", help="print the file")


def command(options: argparse.Namespace) -> int:
    """Measure, fit and write; raises `JanbanError`."""
    if not (options.synth or options.rendered):
        raise ConvertError("no trays are named; give --synth or --rendered")
    # LiteRT and PyTorch are slow to import; wrong options are told at once.
    from tqdm import tqdm  # noqa: PLC0415

    from appliance.estimate.learned_fusion import FILE_NAME  # noqa: PLC0415
    from convert.atomic import write_whole  # noqa: PLC0415
    from convert.evaluate.networks import open_models, weights_of_folder  # noqa: PLC0415
    from convert.evaluate.rendered import rendered  # noqa: PLC0415
    from convert.evaluate.synthetic import synthetic  # noqa: PLC0415
    from convert.evaluate.trays import evenly, without  # noqa: PLC0415
    from convert.fusion.validate import learn  # noqa: PLC0415
    from convert.fusion.wells import measured_wells  # noqa: PLC0415

    networks = open_models(options.models)
    weights: dict[str, str] = {}
    for name, sha256 in weights_of_folder(options.models).items():
        if sha256 is None:
            raise ConvertError(f"{options.models}: {name} has random weights; nothing can be fitted to them")
        weights[name] = sha256
    sources = [synthetic(options.synth, part="validation")] if options.synth else []
    if options.synth and options.training:
        trained = synthetic(options.synth, part="training")
        sources.append(replace(trained, set_ups=evenly(trained.set_ups, options.training)))
    if options.rendered:
        sources.append(without(rendered(options.rendered, "exact"), options.hold_out))
    with tqdm(total=sum(source.count for source in sources), unit="tray", file=sys.stderr) as progress:
        wells = measured_wells(sources, networks, progress.update)
    fusion = learn(wells, weights)
    out: Path = options.out or options.models / FILE_NAME
    text = fusion.model_dump_json(by_alias=True, indent=2)
    write_whole(out, f"{text}\n".encode())
    if options.json:
        print(text)
        return 0
    for source in fusion.fitted_on:
        print(
            f"{source.source}: {source.wells} wells of {len(source.set_ups)} set-ups, off by"
            f" {source.cross_validated:.1f} points where left out, {source.study:.1f} by the study's rule;"
            f" {source.within_1_sigma:.0%} / {source.within_2_sigma:.0%} within 1 / 2 sigma"
        )
    for kind, fitted in (("solid", fusion.solid), ("liquid", fusion.liquid)):
        told = ", ".join(f"{name} {weight:.2f}" for name, weight in fitted.weights.by_name.items())
        print(f"{kind}: {told}")
    print(f"{out}: written", file=sys.stderr)
    return 0
