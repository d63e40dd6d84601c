"""The comparison takes turns on the same trays, in real processes, and says what went wrong."""

from itertools import repeat
from pathlib import Path

import numpy as np
import pytest

from appliance.errors import JanbanError
from appliance.picture import save_picture
from benchmarks.compare import compare, rotated
from benchmarks.compare_report import figures, markdown
from benchmarks.trays import Trays

QUICK, SLOW = "tests.benchmarks.stand_ins:quick", "tests.benchmarks.stand_ins:slow"


@pytest.fixture
def trays(tmp_path: Path) -> Trays:
    """Two pictures, told apart by their widths, of two calibrations."""
    pictures = []
    for number, width in enumerate((400, 500)):
        save_picture(tmp_path / f"{width}.png", np.zeros((300, width, 3), np.uint8))
        pictures.append((number, tmp_path / f"{width}.png"))
    return Trays("drawn trays", (tmp_path / "a", tmp_path / "b"), tuple(pictures))


def test_ways_measure_the_same_trays(trays: Trays) -> None:
    turns, weights_mb = compare({"quick": QUICK, "slow": SLOW}, trays, limit=5, seconds=60)
    # The first tray, of 500 pixels, warms up and does not count.
    quick = [width + tray for tray, width in enumerate((400, 500, 400, 500, 400), start=2)]
    assert [turn.total_ms for turn in turns["quick"]] == quick
    assert [turn.total_ms for turn in turns["slow"]] == [30 * ms for ms in quick]
    assert all(turn.peak_memory_mb > 10 for turn in turns["quick"])
    assert all(turn.processor_ms > 0 for turn in turns["quick"])
    assert weights_mb == {"quick": 1.5, "slow": 1.5}
    assert "**30.0** (30.0 to 30.0)" in markdown(figures(turns, weights_mb))


def test_without_time_three_trays_are_measured_all_the_same(trays: Trays) -> None:
    turns, _ = compare({"quick": QUICK}, trays, limit=100, seconds=0)
    assert len(turns["quick"]) == 3


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("blind", r"blind: .*500\.png: no tray in 500 pixels of calibration 1$"),
        ("broken", "broken: cannot learn 2 calibrations$"),
        ("dying", "dying: ended early with status 4;"),
        ("crashing", "crashing: ended early with status 3;"),
    ],
)
def test_a_way_that_cannot_ends_the_comparison_in_one_line(trays: Trays, way: str, said: str) -> None:
    with pytest.raises(JanbanError, match=said):
        compare({"quick": QUICK, way: f"tests.benchmarks.stand_ins:{way}"}, trays, limit=5, seconds=60)


def test_every_way_is_first_as_often() -> None:
    orders = [rotated(names, by) for by, names in enumerate(repeat(["a", "b", "c"], 6))]
    assert [order[0] for order in orders] == ["a", "b", "c"] * 2
    assert all(sorted(order) == ["a", "b", "c"] for order in orders)
