"""Accuracy on trays with known truth; skipped where the shared data is absent."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy import measure_rendered, measure_steel
from benchmarks.accuracy_report import CLEAN, Row, report, text

DATA = Path(__file__).parents[2].parent / "shared" / "data"

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="shared data is absent")


def mean_error(rows: list[Row]) -> float:
    return float(np.mean([abs(row.error) for row in rows]))


def check_rendered(rows: list[Row]) -> None:
    """Hold the measured figures with some margin: overall, per kind, clean wells, and stated errors."""
    assert all(row.read is not None for row in rows)
    assert mean_error(rows) < 0.08
    for kind in ("rice", "soup", "solid"):
        assert mean_error([row for row in rows if row.kind == kind]) < 0.12, kind
    clean = [row.read for row in rows if row.truth < CLEAN and row.read is not None]
    assert float(np.mean(clean)) < 0.02
    assert np.mean([abs(row.error) <= 2 * row.uncertainty for row in rows]) > 0.85
    plain = [abs((row.study or 0.0) - row.truth) for row in rows]
    assert mean_error(rows) < 0.5 * float(np.mean(plain))


def test_rendered_trays_in_exact_geometry() -> None:
    rows, rejected = measure_rendered(DATA, "truth", None, every=3)
    assert not rejected
    check_rendered(rows)
    printed = text(report(rows, rejected, []))
    assert "100.0% of the wells found" in printed


@pytest.mark.slow
def test_rendered_trays_the_whole_way() -> None:
    rows, rejected = measure_rendered(DATA, "real", None)
    assert not rejected
    check_rendered(rows)


def test_photographed_trays_the_whole_way(tmp_path: Path) -> None:
    rows = measure_steel(DATA, tmp_path)
    assert {row.well for row in rows} == {1, 2, 3, 4, 5}
    assert mean_error(rows) < 0.12
    assert mean_error([row for row in rows if row.state == "empty"]) < 0.03
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "steel_empty.png",
        "steel_full.png",
        "steel_half.png",
    ]
