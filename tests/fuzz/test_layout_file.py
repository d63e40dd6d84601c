"""`layout.toml`: outlines that a person may have edited."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import CalibrationError
from appliance.tray.layout import Layout
from appliance.tray.layout_file import read_layout
from tests.fuzz.effort import effort
from tests.fuzz.hostile import TEXTS, damaged, toml_fragments, toml_text, toml_value
from tests.fuzz.promise import result_or_refusal
from tests.fuzz.samples import LAYOUT_FILE

coordinates = st.floats(-10, 400) | st.sampled_from([0, -5, 5, 375, 290, 380.0, 1e-9])
odd_polygons = st.one_of(
    st.lists(st.tuples(coordinates, coordinates), min_size=0, max_size=8),
    # A bow tie, a spike, a point, a polygon run through twice, the most corners that are allowed, and more.
    st.sampled_from(
        [
            [(0, 0), (100, 100), (100, 0), (0, 100)],
            [(0, 0), (100, 0), (100, 100), (50, 100), (50, 400), (50, 100), (0, 100)],
            [(50, 50)] * 5,
            [(0, 0), (100, 0), (100, 100), (0, 100)] * 2,
            [(0, 0), (100, 0), (100, 100), (0, 100)] * 100,
            [(0, 0), (100, 0), (100, 100), (0, 100)] * 500,
        ]
    ),
)


@st.composite
def layouts(draw: st.DrawFn) -> str:
    """A layout file with none to three values that are hostile."""
    usual: list[tuple[str, str]] = [
        ("version", "1"),
        ("tray_mm", draw(st.sampled_from(["[375.0, 290.0]", "[50.0, 50.0]", "[1000.0, 1000.0]"]))),
        ("corner_radius_mm", draw(st.sampled_from(["40", "0", "500", "0.01"]))),
    ]
    for number in range(draw(st.integers(1, 3))):
        left, top = draw(st.floats(0, 40)), draw(st.floats(0, 40))
        right, bottom = left + draw(st.floats(6, 60)), top + draw(st.floats(6, 60))
        outline = toml_value([[left, top], [right, top], [right, bottom], [left, bottom]])
        usual += [
            *(("[[compartment]]", ""), ("id", str(number + 1))),
            *(("name", toml_text(draw(st.sampled_from(TEXTS)) or "x")), ("depth_mm", "25")),
            *(("outline_mm", outline), ("floor_mm", outline)),
        ]
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(usual) - 1))
        name, value = usual[at]
        hostile = odd_polygons.map(toml_value) if name in ("outline_mm", "floor_mm") else toml_fragments
        usual[at] = (name, draw(hostile) if value else value)
    return "\n".join(f"{name} = {value}" if value else name for name, value in usual)


def check(layout: Layout | None) -> None:
    if layout is None:
        return
    width, height = layout.tray_mm
    assert 50 <= width <= 1000
    assert 50 <= height <= 1000
    ids = [c.id for c in layout.compartments]
    assert len(set(ids)) == len(ids)
    for c in layout.compartments:
        assert 0 < c.depth_mm <= 150
        for outline in (c.outline_mm, c.floor_mm):
            assert outline.shape[0] >= 3
            assert np.isfinite(outline).all()
            assert (outline >= -5).all()
            assert (outline <= np.array([width, height]) + 5).all()


@effort(200)
@given(layouts())
def test_hostile_values_are_read_or_refused_in_one_line(text: str) -> None:
    check(result_or_refusal(lambda: read_layout(text), CalibrationError, "layout.toml"))


@effort(100)
@given(damaged(LAYOUT_FILE.encode()))
def test_damaged_files_are_read_or_refused_in_one_line(content: bytes) -> None:
    text = content.decode(errors="replace")
    check(result_or_refusal(lambda: read_layout(text), CalibrationError, "layout.toml"))
