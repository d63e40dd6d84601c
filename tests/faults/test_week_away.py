"""A broker that is away for a week of lunches: all of it arrives, in order, and says that it is late."""

from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.publish.client import Publisher
from appliance.publish.link import Link
from appliance.publish.settings import PublishSettings
from appliance.readings.settings import StoreSettings
from appliance.readings.store import Store
from tests.brokers import Mosquitto
from tests.faults.patience import eventually
from tests.publish.listener import Listener
from tests.readings.clocks import SetClock
from tests.readings.examples import ORIGIN, draft

_DAY_S = 86_400
_TRAYS = 1000
_IN_FLIGHT = 20
_BESIDE = 5
"""Birth and the like, which are unacknowledged beside readings."""


@pytest.mark.timeout(600)
def test_a_week_without_a_broker_arrives_late_and_whole(
    mosquitto_broker: Callable[[str], Mosquitto], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unacknowledged: list[int] = []
    publish = Link.publish

    def watched(link: Link, *words: object, **more: object) -> int:
        number = publish(link, *words, **more)
        unacknowledged.append(len(link._client._out_messages))
        return number

    monkeypatch.setattr(Link, "publish", watched)
    broker = mosquitto_broker(
        "allow_anonymous true\nmax_queued_messages 0\nset_tcp_nodelay true\n"
        f"persistence true\npersistence_location {tmp_path}/"
    )
    clock = SetClock()
    settings = PublishSettings(
        host="127.0.0.1", port=broker.port, in_flight=_IN_FLIGHT, backoff_first_s=0.05, backoff_max_s=1.0
    )
    with (
        Listener(broker.port) as listener,
        Store(tmp_path / "readings.sqlite", StoreSettings(), clock) as store,
    ):
        assert store._connection is not None
        # What is at stake here is not the disk.
        store._connection.execute("PRAGMA synchronous = OFF")
        publisher = Publisher(settings, ORIGIN, store, clock)
        publisher.start()
        eventually(lambda: publisher.state.connected, "connected")
        broker.stop()
        eventually(lambda: not publisher.state.connected, "noticed")
        late = []
        for _ in range(7):
            late += [str(store.add(draft()).id) for _ in range(_TRAYS)]
            clock.pass_s(_DAY_S)
        fresh = [str(store.add(draft()).id) for _ in range(30)]
        broker.start()
        eventually(lambda: store.counts().pending == 0, "all is acknowledged")
        eventually(lambda: len(listener.messages) >= len(late + fresh), "all is delivered")
        publisher.stop()
        readings = listener.on("/reading")
        assert [reading["id"] for reading in readings] == late + fresh
        assert [reading["sequence"] for reading in readings] == list(range(1, len(readings) + 1))
        assert {reading["id"] for reading in readings if not reading["historical"]} == set(fresh)
        assert store.counts().sent == len(readings)
    assert max(unacknowledged) <= _IN_FLIGHT + _BESIDE
