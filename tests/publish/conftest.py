import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.publish.client import Publisher
from appliance.publish.settings import PublishSettings
from appliance.readings.settings import StoreSettings
from appliance.readings.store import Store
from tests.readings.examples import ORIGIN


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "readings.db", StoreSettings()) as opened:
        yield opened


@pytest.fixture
def publish(store: Store) -> Iterator[Callable[..., Publisher]]:
    """Return a function that starts a publisher to a port, with settings; all are stopped afterwards."""
    with contextlib.ExitStack() as started:

        def start(port: int, **settings: object) -> Publisher:
            values = {
                "host": "127.0.0.1",
                "port": port,
                "backoff_first_s": 0.05,
                "backoff_max_s": 1.0,
                **settings,
            }
            publisher = Publisher(PublishSettings.model_validate(values), ORIGIN, store)
            started.callback(publisher.stop)
            publisher.start()
            return publisher

        yield start
