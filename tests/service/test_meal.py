import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import CommandError
from appliance.service.meal import MealNote, end_of_day

NOON = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_meal_survives_a_restart_and_ends_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "meal.json"
    note = MealNote(file)
    assert note.at(NOON) is None
    assert note.set("불고기", NOON + HOUR, NOON) == NOON + HOUR
    for one in (note, MealNote(file)):
        assert one.at(NOON) == "불고기"
        assert one.at(NOON + HOUR - timedelta(seconds=1)) == "불고기"
        assert one.at(NOON + HOUR) is None
    assert note.set("", None, NOON) is None
    assert note.at(NOON) is None
    assert MealNote(file).at(NOON) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("until", [NOON, NOON - HOUR, NOON + timedelta(days=8)])
def test_an_end_that_cannot_be_meant_is_refused(tmp_path: Path, until: datetime) -> None:
    note = MealNote(tmp_path / "meal.json")
    note.set("soup", NOON + HOUR, NOON)
    with pytest.raises(CommandError, match="within 7 days"):
        note.set("rice", until, NOON)
    assert note.at(NOON) == "soup"


def test_a_meal_ends_with_the_day_of_the_box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "TZ", "Asia/Seoul")
    time.tzset()
    try:
        until = MealNote(tmp_path / "meal.json").set("soup", None, NOON)
        assert until == datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
    finally:
        monkeypatch.undo()
        time.tzset()


@given(st.integers(0, 2_800_000_000))
def test_the_end_of_the_day_is_ahead_and_near(now_s: int) -> None:
    now = datetime.fromtimestamp(now_s, UTC)
    assert timedelta(0) < end_of_day(now) - now <= timedelta(hours=25)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", b'{"meal":"a"}', b'{"meal":"","until":"2030-01-01T00:00Z"}']
)
def test_a_damaged_note_is_no_meal(tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "meal.json").write_bytes(content)
    note = MealNote(tmp_path / "meal.json")
    assert note.at(NOON) is None
    assert "is not used" in caplog.text
    note.set("soup", NOON + HOUR, NOON)
    assert note.at(NOON) == "soup"


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written"):
        MealNote(tmp_path / "nowhere" / "meal.json").set("soup", NOON + HOUR, NOON)
