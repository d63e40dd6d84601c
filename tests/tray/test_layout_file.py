from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import CalibrationError
from appliance.tray.curves import rounded_rectangle
from appliance.tray.layout import Compartment, Layout
from appliance.tray.layout_file import load_layout, read_layout, write_layout

names = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=60)


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    width, height = draw(st.tuples(st.floats(100, 600), st.floats(100, 600)))
    compartments = []
    for number in draw(st.lists(st.integers(1, 99), min_size=1, max_size=7, unique=True)):
        x, y = draw(st.floats(0, width - 60)), draw(st.floats(0, height - 60))
        opening = rounded_rectangle(x, y, x + 55, y + 45, draw(st.floats(0, 30)))
        floor = rounded_rectangle(x + 8, y + 8, x + 47, y + 37, 3)
        compartments.append(Compartment(number, draw(names), opening, floor, draw(st.floats(1, 100))))
    return Layout((width, height), draw(st.floats(0, 60)), tuple(compartments))


@given(layouts())
def test_a_layout_survives_its_file(layout: Layout) -> None:
    again = read_layout(write_layout(layout))
    assert again.tray_mm == pytest.approx(layout.tray_mm, abs=0.006)
    assert again.corner_radius_mm == pytest.approx(layout.corner_radius_mm, abs=0.006)
    for read, written in zip(again.compartments, layout.compartments, strict=True):
        assert (read.id, read.name) == (written.id, written.name)
        assert read.depth_mm == pytest.approx(written.depth_mm, abs=0.006)
        np.testing.assert_allclose(read.outline_mm, written.outline_mm, atol=0.006)
        np.testing.assert_allclose(read.floor_mm, written.floor_mm, atol=0.006)


@given(layouts(), st.data())
def test_a_damaged_file_is_read_or_refused_in_one_line(layout: Layout, data: st.DataObject) -> None:
    text = write_layout(layout)
    start = data.draw(st.integers(0, len(text)))
    junk = data.draw(st.text(max_size=12))
    damaged = text[:start] + junk + text[start + data.draw(st.integers(0, 40)) :]
    refusal = _refusal(damaged)
    assert refusal is None or refusal.startswith("layout.toml: ")
    assert refusal is None or "\n" not in refusal


def _refusal(text: str) -> str | None:
    try:
        read_layout(text)
    except CalibrationError as error:
        return str(error)
    return None


SMALL = write_layout(
    Layout(
        (375.0, 290.0),
        40.0,
        (
            Compartment(
                1,
                "rice",
                rounded_rectangle(20, 20, 150, 150, 20),
                rounded_rectangle(40, 40, 130, 130, 5),
                25.0,
            ),
        ),
    )
)


@pytest.mark.parametrize(
    ("right", "wrong", "named"),
    [
        ("version = 1", "version = 2", "version"),
        ("corner_radius_mm = 40.00", "corner_radius_mm = -1", "corner_radius_mm"),
        ("depth_mm = 25.00", "depth_mm = 0", "compartment.1.depth_mm"),
        ("depth_mm = 25.00", "depth_mm = nan", "compartment.1.depth_mm"),
        ('name = "rice"', 'nome = "rice"', "compartment.1.name"),
        ('name = "rice"', 'name = "rice"\ncolour = 3', "compartment.1.colour"),
        ("tray_mm = [375.00, 290.00]", "tray_mm = [100.0, 100.0]", "outline_mm of compartment 1"),
    ],
)
def test_a_wrong_value_is_named(right: str, wrong: str, named: str) -> None:
    assert right in SMALL
    with pytest.raises(CalibrationError, match=named.replace(".", r"\.")):
        read_layout(SMALL.replace(right, wrong))


@pytest.mark.parametrize("number", ["9" * 5000, "0x" + "f" * 5000])
def test_an_endless_number_is_refused(number: str) -> None:
    with pytest.raises(CalibrationError, match="not valid TOML"):
        read_layout(SMALL.replace("depth_mm = 25.00", f"depth_mm = {number}"))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="missing"):
        load_layout(tmp_path / "layout.toml")
    (tmp_path / "layout.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(CalibrationError, match="UTF-8"):
        load_layout(tmp_path / "layout.toml")
