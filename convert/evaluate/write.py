"""The folder that an evaluation leaves: report, figures, wells, plots and sheets."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from convert.atomic import report_folder, write_whole
from convert.evaluate.estimators import Column
from convert.evaluate.plots import error_bars, scatter, segmentation
from convert.evaluate.report import markdown
from convert.evaluate.result import SourceResult
from convert.evaluate.run import Evaluation
from convert.evaluate.sheets import sheets
from convert.evaluate.shown import ranked_by
from convert.evaluate.volumes import Row

REPORT_FILE: Final = "report.md"
RESULT_FILE: Final = "report.json"
WELLS_FILE: Final = "wells.csv"


def write(evaluation: Evaluation, out: Path) -> None:
    """Write the folder `out`, all of it or nothing; raises `ConvertError` where it cannot be written."""
    pictures: dict[str, list[str]] = {}
    with report_folder(out, last=RESULT_FILE, stale="*.png") as folder:
        for source in evaluation.result.sources:
            for file, content in _pictures(evaluation, source):
                pictures.setdefault(source.name, []).append(file)
                write_whole(folder / file, content)
        write_whole(folder / REPORT_FILE, markdown(evaluation.result, pictures).encode())
        write_whole(folder / WELLS_FILE, wells_csv(evaluation.rows, evaluation.columns).encode())
        write_whole(folder / RESULT_FILE, (evaluation.result.model_dump_json(indent=1) + "\n").encode())


def slug(name: str) -> str:
    """Return a source's name as a part of a file's."""
    return re.sub(r"\W+", "-", name)


def wells_csv(rows: Sequence[Row], columns: Sequence[Column]) -> str:
    """Return a line for each well: its truth, and what every estimator reads and how sure it is, 0..1."""
    content = io.StringIO()
    lines = csv.writer(content, lineterminator="\n")
    names = [name for column in columns for name in (str(column), f"{column} sigma")]
    lines.writerow(["source", "tray", "complications", "well", "kind", "state", "full_cm3", "true", *names])
    for row in rows:
        well = row.well
        truth = [well.id, well.kind, well.state, f"{well.full_cm3:.2f}", f"{well.leftover:.4f}"]
        read = [
            f"{value:.4f}"
            for column in columns
            for value in (row.read[column].leftover, row.read[column].uncertainty)
        ]
        lines.writerow([row.source, row.tray, " ".join(row.complications), *truth, *read])
    return content.getvalue()


def _pictures(evaluation: Evaluation, source: SourceResult) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of a source's pictures: plots of the first run, then its worst trays."""
    run = ranked_by([run.name for run in evaluation.result.runs]).run
    of_run = [column for column in evaluation.columns if column.run in ("", run)]
    ending = f"{slug(source.name)}.png"
    yield f"leftovers-{ending}", scatter([r for r in evaluation.rows if r.source == source.name], of_run)
    yield f"errors-{ending}", error_bars([one for one in source.volumes if one.run in ("", run)])
    classes = segmentation(source.networks)
    if classes is not None:
        yield f"classes-{ending}", classes
    for number, sheet in enumerate(sheets(evaluation.worst[source.name], run), 1):
        yield f"worst-{number}-{ending}", sheet
