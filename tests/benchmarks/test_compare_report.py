"""The figures of the comparison, on times that can be reckoned by hand."""

import re

from benchmarks.compare_report import Figures, Spread, as_json, figures, markdown
from benchmarks.contestant import Turn


def turn(total_ms: float, depth_ms: float, peak_mb: float = 100.0) -> Turn:
    return Turn({"locate": 10.0, "depth": depth_ms, "total": total_ms}, 2 * total_ms, peak_mb)


def compared() -> dict[str, Figures]:
    ours = [turn(100, 40), turn(200, 60, 120), turn(400, 50)]
    # Twice, four and three times as long on the same trays; the median over the median would be 3.
    theirs = [Turn({"network": 150.0, "total": ms}, ms, 900.0) for ms in (200.0, 800.0, 1200.0)]
    return figures({"ours": ours, "theirs": theirs}, {"ours": 7.4, "theirs": 1466.0})


def test_the_spread_are_quartiles() -> None:
    assert Spread.of([4, 1, 2, 3, 5]) == Spread(3, 2, 4)
    assert Spread.of([7]) == Spread(7, 7, 7)


def test_ratios_are_taken_tray_by_tray() -> None:
    ours, theirs = compared().values()
    assert ours.ratio is None
    assert ours.processor_ratio is None
    assert theirs.ratio == Spread(3.0, 2.5, 3.5)
    assert theirs.processor_ratio == Spread(1.5, 1.25, 1.75)


def test_stages_are_medians_and_memory_is_the_most() -> None:
    ours = compared()["ours"]
    assert ours.total_ms.median == 200
    assert ours.stages_ms == {"locate": 10, "depth": 50}
    assert ours.peak_memory_mb == 120


def test_the_table_has_a_column_for_each_way_and_a_row_for_each_stage_of_any() -> None:
    lines = markdown(compared()).splitlines()
    assert lines[0] == "|  | ours | theirs |"
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {4}
    rows = {
        cells[1].strip(): [cell.strip() for cell in cells[2:4]] for cells in (x.split("|") for x in lines)
    }
    assert rows["one tray: median"] == ["**200 ms**", "**800 ms**"]
    assert rows["times as long, tray by tray: median"] == ["1", "**3.0** (2.5 to 3.5)"]
    assert rows["of it locate"] == ["10 ms, 5%", "-"]
    assert rows["of it network"] == ["-", "150 ms, 19%"]
    assert rows["peak memory"] == ["120 MB", "900 MB"]


def test_json_has_the_same_figures() -> None:
    theirs = as_json(compared())["theirs"]
    assert theirs["ratio"] == {"median": 3.0, "p25": 2.5, "p75": 3.5}
    assert theirs["weights_mb"] == 1466.0
    assert as_json(compared())["ours"]["ratio"] is None
