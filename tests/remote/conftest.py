from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.readings.settings import StoreSettings
from appliance.readings.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "readings.db", StoreSettings()) as opened:
        yield opened
