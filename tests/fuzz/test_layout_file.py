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
polygons = st.one_of(
    st.lists(st.tuples(coordinates, coordinates), min_size=0, max_size=8),
    # A bow tie, a spike, a point, a polygon run through twice, one with all the corners there may be.
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
    """A layout file of which every value may be hostile."""

    def value(usual: str) -> str:
        return draw(st.just(usual) | st.just(usual) | toml_fragments)

    size = toml_value(draw(st.sampled_from([[375.0, 290.0], [50.0, 50.0], [1000.0, 1000.0]])))
    lines = [f"version = {value('1')}", f"tray_mm = {value(size)}", f"corner_radius_mm = {value('40')}"]
    for _ in range(draw(st.integers(0, 3))):
        outline, floor = (toml_value(draw(polygons)) for _ in range(2))
        lines += [
            *("[[compartment]]", f"id = {value(str(draw(st.integers(0, 4))))}"),
            *(f"name = {toml_text(draw(st.sampled_from(TEXTS)))}", f"depth_mm = {value('25')}"),
            *(
                f"outline_mm = {value(outline)}",
                f"floor_mm = {value(draw(st.sampled_from([floor, outline])))}",
            ),
        ]
    return "\n".join(lines)


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
