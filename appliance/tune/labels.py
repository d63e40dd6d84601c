"""Labels: what people say is left in the wells of some pictures, as a CSV file.

    image,compartment,leftover
    trays/0001.jpg,1,0.5
    trays/0001.jpg,2,

`image` is a picture, from the folder of the file; `compartment` an id of the calibration's layout; `leftover`
0 (empty) to 1 (as served), and nothing where nobody said. Other columns are for people.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import LabelsError
from appliance.files import read_whole, write_whole

COLUMNS = ("image", "compartment", "leftover")

_LARGEST_FILE_BYTES = 10_000_000
_HEADER = ",".join(COLUMNS)


@dataclass(frozen=True)
class Label:
    """What is left in one compartment of one picture, 0..1; `line` is where the file says so."""

    image: Path
    compartment: int
    leftover: float
    line: int


def read_labels(file: Path, compartments: Sequence[int]) -> list[Label]:
    """Read the labels; `compartments` are the ids that the layout has.

    Raises `LabelsError`: file, line, what is wrong, and what to do.
    """
    labels = parse_labels(_text(file), str(file), file.parent, compartments)
    if not labels:
        raise LabelsError(f"{file}: has no label yet; fill in leftovers, from 0 (empty) to 1 (as served)")
    return labels


def parse_labels(text: str, source: str, folder: Path, compartments: Sequence[int]) -> list[Label]:
    """Read labels from the text of a file named `source` whose pictures lie in `folder`; as `read_labels`."""
    labels: list[Label] = []
    seen: dict[tuple[str, int], int] = {}
    for line, row in _rows(text, source):
        where = f"{source}, line {line}"
        if not row["image"]:
            raise LabelsError(f"{where}: names no image; write its file name")
        compartment = _compartment(row["compartment"], where, compartments)
        first = seen.setdefault((row["image"], compartment), line)
        if first != line:
            raise LabelsError(
                f"{where}: compartment {compartment} of {row['image']} is on line {first} too; keep one"
            )
        if row["leftover"]:
            leftover = _leftover(row["leftover"], where)
            labels.append(Label(folder / row["image"], compartment, leftover, line))
    return labels


def start_labels(file: Path, images: Iterable[Path], compartments: Sequence[int]) -> int:
    """Write a file to fill in, with a row for every compartment of every picture; return the rows.

    Raises `LabelsError` where it exists already or cannot be written.
    """
    if file.exists():
        raise LabelsError(f"{file}: exists already; add lines to it, or name another file")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    rows = [(image, compartment, "") for image in images for compartment in compartments]
    folder = file.parent.resolve()
    for image, compartment, nothing in rows:
        path = image.resolve()
        near = path.relative_to(folder) if path.is_relative_to(folder) else path
        writer.writerow((near.as_posix(), compartment, nothing))
    try:
        write_whole(file, text.getvalue().encode())
    except UnicodeEncodeError:
        raise LabelsError(f"{file}: the name of a picture is not UTF-8; rename that picture") from None
    except OSError as error:
        raise LabelsError(f"{file}: cannot be written ({error.strerror}); name another file") from None
    return len(rows)


def _text(file: Path) -> str:
    try:
        # A byte order mark is what spreadsheets write.
        return read_whole(file, _LARGEST_FILE_BYTES).decode("utf-8-sig")
    except FileNotFoundError:
        raise LabelsError(f"{file}: no such file; `appliance tune --start` begins one") from None
    except UnicodeDecodeError as error:
        raise LabelsError(f"{file}: is not UTF-8 text (byte {error.start}); save it as CSV UTF-8") from None
    except OSError as error:
        raise LabelsError(f"{file}: cannot be read ({error.strerror}); give a CSV file") from None


def _rows(text: str, source: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line number and cells of every row that is not empty."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    names: list[str] | None = None
    try:
        for cells in reader:
            where = f"{source}, line {reader.line_num}"
            cells = [cell.strip() for cell in cells]  # noqa: PLW2901 - only the cells' text matters
            if not any(cells):
                continue
            if names is None:
                names = _names(cells, where)
            elif len(cells) != len(names):
                raise LabelsError(
                    f"{where}: {len(cells)} cells under {len(names)} columns; separate cells by commas, and"
                    " write numbers with a point"
                )
            else:
                yield reader.line_num, dict(zip(names, cells, strict=True))
    except csv.Error as error:
        raise LabelsError(f"{source}, line {reader.line_num}: no CSV ({error}); mend its quotes") from None
    if names is None:
        raise LabelsError(f"{source}: is empty; begin it with the line {_HEADER}")


def _names(cells: list[str], where: str) -> list[str]:
    missing = [name for name in COLUMNS if cells.count(name) != 1]
    if missing:
        raise LabelsError(
            f"{where}: does not name the column {missing[0]} once; begin with the line {_HEADER}"
        )
    return cells


def _compartment(text: str, where: str, compartments: Sequence[int]) -> int:
    if text.isascii() and text.isdecimal() and len(text) < 10 and int(text) in compartments:
        return int(text)
    known = ", ".join(map(str, sorted(compartments)))
    raise LabelsError(f"{where}: no compartment {text!r:.40}; the calibration's overview.png shows {known}")


def _leftover(text: str, where: str) -> float:
    try:
        leftover = float(text)
    except ValueError:
        leftover = -1.0
    if not 0.0 <= leftover <= 1.0:
        raise LabelsError(f"{where}: leftover {text!r:.40} is not from 0 to 1; write a half as 0.5")
    return leftover
