import os
from pathlib import Path

import pytest

from appliance.readings.database import _drop_what_others_left
from appliance.readings.settings import StoreSettings
from appliance.readings.store import Store
from appliance.readings.survey import survey
from tests.readings.clocks import SetClock
from tests.readings.examples import draft


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "readings.sqlite"


def opened(file: Path) -> Store:
    store = Store(file, StoreSettings(), SetClock())
    store.open()
    return store


def names(file: Path) -> list[str]:
    return sorted(one.name for one in file.parent.iterdir())


def test_a_look_sees_what_the_service_has_just_written(file: Path) -> None:
    store = opened(file)
    store.add(draft())
    assert survey(file, 1).pending == 1
    store.close()


def test_a_look_at_a_store_that_nobody_has_open_leaves_nothing(file: Path) -> None:
    """As root it would leave a log that the service may not open."""
    store = opened(file)
    store.add(draft())
    store.close()
    before = names(file)
    assert "readings.sqlite-wal" not in before
    assert survey(file, 1).pending == 1
    assert names(file) == before


@pytest.mark.parametrize(("log", "stays"), [(b"", False), (b"readings", True)])
def test_what_is_roots_does_not_shut_the_service_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: bytes, *, stays: bool
) -> None:
    left = tmp_path / "log", tmp_path / "index"
    left[0].write_bytes(log)
    left[1].write_bytes(b"index")
    _drop_what_others_left(*left)
    assert all(one.exists() for one in left), "the service's own"
    monkeypatch.setattr(os, "access", lambda *_: False)
    _drop_what_others_left(*left)
    assert [one.exists() for one in left] == [stays, False]
