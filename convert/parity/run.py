"""A comparison with its report in a folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from appliance.picture import save_picture
from convert.atomic import report_folder, write_whole
from convert.networks.spec import NetworkSpec, Output
from convert.networks.stage import Array, Stage
from convert.parity.compare import compare, run_stage
from convert.parity.gates import DEFAULT, Gates
from convert.parity.report import REPORT_FILE, RESULT_FILE, markdown, metric_text, rank_pictures
from convert.parity.result import ParityResult
from convert.parity.sheet import SheetRow, draw_sheet

PICTURES_SHOWN: Final = 8


def run_parity(
    stages: Sequence[Stage],
    spec: NetworkSpec,
    images: Array,
    picture_names: Sequence[str],
    out: Path,
    *,
    gates: Gates = DEFAULT,
    origin: str = "",
) -> ParityResult:
    """Compare as `compare` does, write the report to the folder `out`, and return the result.

    A failed gate does not raise: `enforce` of the result does. The report is `report.md`, `report.json` and
    one `sheet-*.png` for each output; it appears when all is done, in place of an earlier one. Raises
    `ConvertError` where the folder cannot be written, before any stage runs.
    """
    with report_folder(out, last=RESULT_FILE, stale="sheet-*.png") as folder:
        result = compare(stages, spec, images, picture_names, gates=gates, origin=origin)
        sheets = {
            output.name: f"sheet-{number}-{output.meaning}.png"
            for number, output in enumerate(spec.outputs, 1)
        }
        shown = {o.name: rank_pictures(result, o.name)[:PICTURES_SHOWN] for o in spec.outputs}
        places = sorted(set().union(*shown.values()))
        # Keeping what every stage gave for every picture would have taken gigabytes.
        again = [run_stage(stage, images[places], spec) for stage in stages]
        for which, output in enumerate(spec.outputs):
            rows = [
                SheetRow(
                    caption=result.pictures[place],
                    image=images[place],
                    outputs=[outputs[which][places.index(place)] for outputs in again],
                    remarks=[_remark(result, output, stage.name, place) for stage in stages],
                )
                for place in shown[output.name]
            ]
            sheet = draw_sheet(spec, output, [stage.name for stage in stages], rows)
            save_picture(folder / sheets[output.name], sheet)
        result = result.model_copy(update={"sheets": sheets})
        write_whole(folder / REPORT_FILE, markdown(result).encode())
        write_whole(folder / RESULT_FILE, (result.model_dump_json(indent=1) + "\n").encode())
    return result


def _remark(result: ParityResult, output: Output, stage: str, place: int) -> str:
    if stage == result.reference:
        return "reference"
    pair = next(
        pair
        for pair in result.pairs
        if (pair.reference, pair.stage, pair.output) == (result.reference, stage, output.name)
    )
    name, metric = next(iter(pair.metrics.items()))
    return f"{name.replace('_', ' ')} {metric_text(name, metric.pictures[place])}"
