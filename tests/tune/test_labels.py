import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import LabelsError
from appliance.tune.labels import Label, parse_labels, read_labels, start_labels

IDS = [1, 2, 5]
HEAD = "image,compartment,leftover\n"
FOLDER = Path("/site")

names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).map(str.strip).filter(bool)
rows = st.lists(
    st.tuples(names, st.sampled_from(IDS), st.none() | st.floats(0, 1)), unique_by=lambda row: row[:2]
)


def fault(text: str) -> str:
    with pytest.raises(LabelsError) as refused:
        parse_labels(text, "labels.csv", FOLDER, IDS)
    line = str(refused.value)
    assert "\n" not in line
    assert line.startswith("labels.csv")
    return line


@given(rows, st.permutations(["image", "compartment", "leftover", "note"]))
def test_what_was_written_is_read(written: list[tuple[str, int, float | None]], columns: list[str]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    for image, compartment, leftover in written:
        cells = {"image": image, "compartment": compartment, "leftover": leftover, "note": 'a, "b"'}
        writer.writerow(cells)
        text.write("\n")
    read = parse_labels(text.getvalue(), "labels.csv", FOLDER, IDS)
    assert [(label.image, label.compartment, label.leftover) for label in read] == [
        (FOLDER / image, compartment, leftover)
        for image, compartment, leftover in written
        if leftover is not None
    ]


@given(st.text())
def test_any_text_is_labels_or_refused_in_one_line(text: str) -> None:
    for start in ("", HEAD):
        told = ""
        labels: list[Label] = []
        try:
            labels = parse_labels(start + text, "labels.csv", FOLDER, IDS)
        except LabelsError as error:
            told = str(error)
        assert len(told.splitlines()) <= 1
        assert all(0 <= label.leftover <= 1 and label.compartment in IDS for label in labels)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "labels.csv: is empty; begin it with the line image,compartment,leftover"),
        ("image,leftover\n", "line 1: does not name the column compartment once"),
        ("image,image,compartment,leftover\n", "line 1: does not name the column image once"),
        (HEAD + "a.jpg,1,0.5\na.jpg,9,0.5\n", "line 3: no compartment '9'; .* overview.png shows 1, 2, 5"),
        (HEAD + "a.jpg,one,0.5\n", "line 2: no compartment 'one'"),
        (HEAD + "a.jpg,1,50\n", "line 2: leftover '50' is not from 0 to 1; write a half as 0.5"),
        (HEAD + "a.jpg,1,nan\n", "line 2: leftover 'nan' is not from 0 to 1"),
        (HEAD + "a.jpg,1,half\n", "line 2: leftover 'half'"),
        (
            HEAD + "a.jpg,1,0,5\n",
            "line 2: 4 cells under 3 columns; separate cells by commas, and write numbers",
        ),
        (HEAD + "a.jpg;1;0.5\n", "line 2: 1 cells under 3 columns"),
        (HEAD + ",1,0.5\n", "line 2: names no image"),
        (HEAD + "a.jpg,1,0.5\nb.jpg,1,\na.jpg,1,0.6\n", "line 4: compartment 1 of a.jpg is on line 2 too"),
        (HEAD + '"a.jpg,1,0.5\n', "no CSV"),
    ],
)
def test_faults_name_line_and_remedy(text: str, told: str) -> None:
    assert re.search(told, fault(text)), fault(text)


def test_lines_are_those_of_the_file() -> None:
    [label] = parse_labels(HEAD + '\n"two\nlines.jpg",1,\n\nb.jpg, 2 , 0.25\n', "labels.csv", FOLDER, IDS)
    assert label == Label(FOLDER / "b.jpg", 2, 0.25, line=6)


def test_a_file_that_a_spreadsheet_wrote_is_read(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_bytes(b"\xef\xbb\xbf" + HEAD.replace("\n", "\r\n").encode() + b"a.jpg,1,1\r\n")
    assert read_labels(file, IDS) == [Label(tmp_path / "a.jpg", 1, 1.0, line=2)]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "no such file; `appliance tune --start` begins one"),
        (HEAD.encode("utf-16"), "not UTF-8 text"),
        (HEAD.encode() + b"a.jpg,1,\n", "has no label yet"),
    ],
)
def test_files_that_cannot_be_used_are_one_line(tmp_path: Path, content: bytes | None, told: str) -> None:
    file = tmp_path / "labels.csv"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(LabelsError, match=told) as refused:
        read_labels(file, IDS)
    assert str(refused.value).startswith(f"{file}")


def test_a_picture_whose_name_is_no_text_cannot_be_listed(tmp_path: Path) -> None:
    with pytest.raises(LabelsError, match="not UTF-8; rename"):
        start_labels(tmp_path / "labels.csv", [tmp_path / "\udcff.jpg"], [1])
    assert not any(tmp_path.iterdir())


def test_a_started_file_can_be_filled_in(tmp_path: Path) -> None:
    folder = tmp_path / "trays"
    folder.mkdir()
    file = tmp_path / "labels.csv"
    images = [folder / "a, b.jpg", folder / "c.jpg"]
    assert start_labels(file, images, IDS) == 6
    text = file.read_text()
    assert text.splitlines()[1] == '"trays/a, b.jpg",1,'
    with pytest.raises(LabelsError, match="has no label yet"):
        read_labels(file, IDS)
    file.write_text(text.replace("c.jpg,5,", "c.jpg,5,0.75"))
    assert read_labels(file, IDS) == [Label(folder / "c.jpg", 5, 0.75, line=7)]
    with pytest.raises(LabelsError, match="exists already"):
        start_labels(file, images, IDS)
    assert "0.75" in file.read_text()
