"""What one connection delivers, with a link that only writes down."""

import itertools
from collections.abc import Iterable
from typing import cast
from uuid import UUID

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from appliance.clock import Deadline, SystemClock
from appliance.errors import StoreError
from appliance.publish.delivery import Delivery
from appliance.publish.link import Link, LinkError
from appliance.readings.store import Store
from tests.readings.examples import ORIGIN, draft


class WrittenLink:
    """A connection to a broker that takes what it is given, and acknowledges when told to."""

    largest_bytes = 65_535

    def __init__(self, receive_maximum: int = 65_535) -> None:
        self.receive_maximum = receive_maximum
        self.published: list[str] = []
        self._mids = itertools.count(1)
        self._unacknowledged: list[int] = []
        self._acknowledged: list[tuple[int, ReasonCode]] = []

    def publish(self, topic: str, _payload: str, **_: object) -> int:
        self.published.append(topic.rpartition("/")[2])
        self._unacknowledged.append(next(self._mids))
        return self._unacknowledged[-1]

    def acknowledge(self) -> None:
        success = ReasonCode(PacketTypes.PUBACK)
        self._acknowledged += [(mid, success) for mid in self._unacknowledged]
        self._unacknowledged.clear()

    @property
    def unacknowledged(self) -> int:
        return len(self._unacknowledged)

    def pump(self, _timeout_s: float) -> None:
        self.acknowledge()

    def take_acknowledged(self) -> list[tuple[int, ReasonCode]]:
        taken, self._acknowledged = self._acknowledged, []
        return taken


def delivery(link: WrittenLink, store: Store, *, window: int) -> Delivery:
    return Delivery(cast("Link", link), store, ORIGIN, SystemClock(), window, historical_after_s=60.0)


def test_what_was_acknowledged_is_not_sent_again_while_the_store_cannot_note_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a card that the kernel has made read-only: the outbox can be read, and never be emptied."""

    def refuse(_ids: Iterable[UUID]) -> None:
        raise StoreError("attempt to write a readonly database")

    for _ in range(5):
        store.add(draft())
    link = WrittenLink()
    one = delivery(link, store, window=2)
    with monkeypatch.context() as patched:
        patched.setattr(store, "mark_sent", refuse)
        for _ in range(20):
            one.advance()
            link.acknowledge()
    assert link.published == ["reading"] * 5, "each once, those behind them too"
    one.advance()
    assert store.counts().sent == 5


def test_a_broker_that_takes_one_at_a_time_gets_one_at_a_time(store: Store) -> None:
    """It would end the connection for a second one (MQTT 5, section 4.9), at each attempt."""
    store.add(draft())
    link = WrittenLink(receive_maximum=1)
    one = delivery(link, store, window=20)
    one.greet(None)
    one.tell("{}")
    one.report("{}", 60)
    for _ in range(5):
        assert link.unacknowledged <= 1
        one.advance()
        link.acknowledge()
    assert link.published == ["status", "info", "health", "reading"]
    one.part(Deadline.after(60.0, SystemClock()))
    assert link.published[4:] == ["status"]


def test_a_farewell_that_cannot_be_said_is_left_to_the_will(store: Store) -> None:
    link = WrittenLink(receive_maximum=1)
    one = delivery(link, store, window=20)
    one.greet(None)
    with pytest.raises(LinkError, match="farewell"):
        one.part(Deadline.after(0.0, SystemClock()))
