from pathlib import Path

import numpy as np
import pytest

from appliance.errors import JanbanError
from appliance.estimate.settings import EstimateSettings
from appliance.tune.record import Record
from appliance.tune.search import Floats, Memory, search
from appliance.tune.space import Space

BASE = EstimateSettings(method="study")
SPACE = Space(BASE)
PICTURES = [0, 0, 1, 1]


class Measure:
    """Counts what is measured; settings without closing cannot be used."""

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset
        self.asked: list[EstimateSettings] = []

    def __call__(self, settings: EstimateSettings) -> Floats:
        self.asked.append(settings)
        if settings.morph_op == "none":
            return np.full(4, np.inf)
        return np.full(4, abs(settings.thresh - 180) / 255 + self.offset + 1 / 3)


def searched(
    file: Path, measure: Measure, *, experiment: str = "one", trials: int = 30
) -> list[EstimateSettings]:
    record = Record(file, experiment, BASE, measure)
    found = search(SPACE, Memory(record.measure), PICTURES, trials=trials, seed=1)
    return [trial.settings for trial in found.trials]


def test_a_search_goes_on_where_it_was(tmp_path: Path) -> None:
    whole = searched(tmp_path / "whole.jsonl", Measure())
    file = tmp_path / "trials.jsonl"
    lines = (tmp_path / "whole.jsonl").read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:11]) + lines[11][:20])
    measure = Measure()
    assert searched(file, measure) == whole
    # Ten trials are known; the base is measured all the same, to see whether the program is the same.
    assert measure.asked == [BASE, *whole[10:]]


def test_settings_that_cannot_be_used_are_remembered_too(tmp_path: Path) -> None:
    file = tmp_path / "trials.jsonl"
    useless = EstimateSettings(method="study", morph_op="none")
    first, again = Measure(), Measure()
    Record(file, "one", BASE, first).measure(useless)
    assert np.isinf(Record(file, "one", BASE, again).measure(useless)).all()
    assert again.asked == [BASE]


@pytest.mark.parametrize(
    ("experiment", "offset"), [("another", 0.0), ("one", 0.01)], ids=["labels", "program"]
)
def test_what_was_measured_otherwise_counts_for_nothing(
    tmp_path: Path, experiment: str, offset: float
) -> None:
    file = tmp_path / "trials.jsonl"
    searched(file, Measure())
    measure = Measure(offset)
    tried = searched(file, measure, experiment=experiment)
    assert set(measure.asked) == set(tried)
    again = Measure(offset)
    searched(file, again, experiment=experiment)
    assert again.asked == [BASE]


def test_another_base_finds_the_record_of_the_first_useless_but_keeps_its_own(tmp_path: Path) -> None:
    file = tmp_path / "trials.jsonl"
    file.write_bytes(b"\xff\x00 not a record")
    measure = Measure()
    Record(file, "one", BASE, measure)
    assert measure.asked == [BASE]
    assert len(file.read_text().splitlines()) == 2


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(JanbanError, match="cannot be written"):
        Record(tmp_path, "one", BASE, Measure())
