"""The page of the figures: `python -m convert.evaluate.page REPORT` writes docs/accuracy.md.

`REPORT` is a folder of `convert evaluate`. Only plots are copied: sheets show pictures that belong to others.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from appliance.errors import JanbanError
from convert.atomic import write_whole
from convert.errors import ConvertError
from convert.evaluate.glossary import GLOSSARY
from convert.evaluate.report import comparison, coverage, promised, runs_of
from convert.evaluate.result import Accuracy
from convert.evaluate.write import CLASSES, ERRORS, LEFTOVERS, RESULT_FILE, picture_file

PATH: Final = Path(__file__).parents[2] / "docs" / "accuracy.md"
PLOTS: Final = "accuracy"

_HEAD: Final = """\
# How accurate the networks are

This page is written by `python -m convert.evaluate.page REPORT` from a report of `convert evaluate`:

```sh
make evaluate    # models/, weights/, and what trays/ and ../shared/data hold → evaluation/
```

Three sources of trays with known truth; no network was trained on any of them:

- **synthetic**: the set-ups 9, 29, 49, … of `convert synth`, with trays, lamps, menus and foods that training
  never shows. Volumes, classes, heights and geometry are exact. Training has the set-ups that do not end in
  9; the others, 19, 39, …, choose the weights and the temperature of the confidence, and are not reported.
- **rendered**: `rendered_trays`, three canteens of another, path-tracing renderer, all exact as well. As
  **rendered, located**, the same trays are calibrated and located by the appliance itself. How estimates are
  joined was fitted to two of the canteens (`fusion.json` says which), so that the third tells most of the
  reading.
- **photographs**: `steel_tray`, one real tray in three states, nominally 100, 50 and 0 %, calibrated and
  located by the appliance. The first and the last are the calibration too, so that the middle one tells most.

Exact geometry judges the networks without the locator's errors. `int8` runs the files that the device runs,
`float` the checkpoints that they were made of; the SHA-256 says which. The report has more than this page:
every class and state, and the twenty worst trays of each source as pictures. Its `wells.csv` lists every
well with what was read and what is true, so that anyone can compute the figures again."""

_NO_FIGURES: Final = """

No figures yet: no trained weights are shipped."""


def page(result: Accuracy | None, plots: dict[str, list[str]]) -> str:
    """Return the page; `plots` are the files shown of each source, by its name."""
    return "\n".join([*_lines(result, plots), ""])


def _lines(result: Accuracy | None, plots: dict[str, list[str]]) -> Iterator[str]:
    yield _HEAD if result is not None else _HEAD + _NO_FIGURES
    if result is not None:
        yield from runs_of(result)
        yield from comparison(result.sources)
        yield from promised(result)
        yield from coverage(result.sources)
        for source in result.sources:
            yield from ("", f"## {source.name.capitalize()}", "")
            yield f"{source.trays} trays, {source.wells} wells; a group's number of wells stands below it."
            for file in plots[source.name]:
                yield from ("", f"![{source.name}]({PLOTS}/{file})")
    yield from ("", "## Words", "", GLOSSARY)


def main(report: Path, path: Path = PATH) -> None:
    """Write the page and its plots from a report's folder; raises `ConvertError`."""
    try:
        result = Accuracy.model_validate_json((report / RESULT_FILE).read_bytes())
    except OSError as error:
        raise ConvertError(f"{report / RESULT_FILE}: cannot be read ({error.strerror})") from None
    except ValidationError:
        raise ConvertError(f"{report / RESULT_FILE}: is of another version; make it anew") from None
    plots = {
        source.name: [
            file
            for kind in (LEFTOVERS, ERRORS, CLASSES)
            if (report / (file := picture_file(kind, source.name))).exists()
        ]
        for source in result.sources
    }
    folder = path.parent / PLOTS
    folder.mkdir(exist_ok=True)
    for file in (file for files in plots.values() for file in files):
        write_whole(folder / file, (report / file).read_bytes())
    write_whole(path, page(result, plots).encode())


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except JanbanError as error:
        sys.exit(str(error))
    except IndexError:
        sys.exit("which report? give a folder of convert evaluate")
