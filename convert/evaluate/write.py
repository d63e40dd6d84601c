"""The folder that an evaluation leaves: report, figures, wells, plots and sheets."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
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

LEFTOVERS, ERRORS, CLASSES = "leftovers", "errors", "classes"
"""The plots of a source."""

PREFIX: Final = "accuracy-"
"""Of all pictures, so that a new report knows an old one's."""


def report_in(out: Path) -> AbstractContextManager[Path]:
    """Give a folder to `write` to, whose files move to `out` at the end, or nowhere if anything fails before.

    Raises `ConvertError` where `out` cannot be written, before anything is measured.
    """
    return report_folder(out, last=RESULT_FILE, stale=f"{PREFIX}*.png")


def write(evaluation: Evaluation, folder: Path) -> None:
    """Write report, figures, wells, plots and sheets; raises `ConvertError` where they cannot be written."""
    pictures: dict[str, list[str]] = {}
    for source in evaluation.result.sources:
        for name, content in _pictures(evaluation, source):
            file = picture_file(name, source.name)
            pictures.setdefault(source.name, []).append(file)
            write_whole(folder / file, content)
    write_whole(folder / REPORT_FILE, markdown(evaluation.result, pictures).encode())
    write_whole(folder / WELLS_FILE, wells_csv(evaluation.rows, evaluation.columns).encode())
    write_whole(folder / RESULT_FILE, (evaluation.result.model_dump_json(indent=1) + "\n").encode())


def picture_file(name: str, source: str) -> str:
    """Return the name of a source's plot (`LEFTOVERS`, `ERRORS`, `CLASSES`) or of a sheet, as worst-1."""
    return f"{PREFIX}{re.sub(r'[^a-z0-9]+', '-', source.lower())}-{name}.png"


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
    yield LEFTOVERS, scatter([row for row in evaluation.rows if row.source == source.name], of_run)
    yield ERRORS, error_bars([one for one in source.volumes if one.run in ("", run)])
    classes = segmentation(source.networks)
    if classes is not None:
        yield CLASSES, classes
    for number, sheet in enumerate(sheets(evaluation.worst[source.name], run), 1):
        yield f"worst-{number}", sheet
