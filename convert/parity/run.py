"""A comparison with its report in a folder."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from appliance.files import sync_folder
from appliance.picture import save_picture
from convert.atomic import write_whole
from convert.errors import ConvertError
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
    with _filled(out) as folder:
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


@contextmanager
def _filled(out: Path) -> Iterator[Path]:
    """Give a folder whose files move to `out` at the end, or nowhere if anything fails before."""
    created = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=".parity-", dir=out))
    except OSError as error:
        raise ConvertError(f"{out}: cannot be written ({error.strerror}); choose another folder") from None
    try:
        yield fresh
        _move(fresh, out)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        if created and not any(out.iterdir()):
            out.rmdir()


def _move(fresh: Path, out: Path) -> None:
    """Replace an earlier report; where its JSON file is, all is there."""
    names = {file.name for file in fresh.iterdir()}
    try:
        (out / RESULT_FILE).unlink(missing_ok=True)
        for stale in out.glob("sheet-*.png"):
            stale.unlink()
        for name in sorted(names, key=lambda name: name == RESULT_FILE):
            (fresh / name).replace(out / name)
        sync_folder(out)
    except OSError as error:
        raise ConvertError(f"{out}: cannot be written ({error.strerror}); choose another folder") from None
