"""A device that is killed at random moments: the subscriber misses nothing."""

import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

from appliance.readings.uuid7 import uuid7
from tests.faults import device
from tests.faults.kills import run

pytestmark = pytest.mark.skipif(
    shutil.which("mosquitto", path="/usr/bin:/usr/sbin:/usr/local/sbin") is None,
    reason="mosquitto is not installed",
)

NOTHING_WRONG = {"lost": 0, "gaps": 0, "out_of_order": 0, "damaged": 0}


@pytest.mark.parametrize(
    "kills", [30, pytest.param(500, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])]
)
def test_random_kills_lose_nothing(tmp_path: Path, kills: int) -> None:
    outcome = asdict(run(kills, seed=6, folder=tmp_path, per_broker=10 if kills < 100 else 25))
    print(outcome)
    assert outcome.items() >= NOTHING_WRONG.items()
    assert outcome["kills"] == kills
    assert outcome["stored"] >= outcome["captured"] > 0


def test_a_reading_that_was_promised_and_is_not_there_would_be_found_out(tmp_path: Path) -> None:
    (tmp_path / device.CAPTURED_FILE).write_text(f"{uuid7()}\n")
    assert run(2, seed=1, folder=tmp_path).lost == 1
