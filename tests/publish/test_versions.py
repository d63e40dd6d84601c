"""Brokers that do not take MQTT 5, and others that do not behave."""

import socket
import struct
import threading
from collections.abc import Callable

import pytest

from appliance.budget import Budget
from appliance.publish.client import Publisher
from appliance.publish.demo_broker import DemoBroker
from appliance.readings.store import Store
from tests.brokers import Mosquitto, free_port
from tests.publish.listener import Listener, eventually
from tests.publish.scripted import ACCEPTED, ScriptedBroker
from tests.readings.examples import draft

Publish = Callable[..., Publisher]

REFUSED_AS_3 = b"\x20\x02\x00\x01"
REFUSED_AS_5 = b"\x20\x03\x00\x84\x00"
NONSENSE = b"\x20\x02\x00\x05"


@pytest.mark.parametrize(
    "answer", [REFUSED_AS_3, REFUSED_AS_5, b"", NONSENSE], ids=["3", "5", "hang up", "nonsense"]
)
def test_3_1_1_is_tried_where_5_is_not_understood(answer: bytes, store: Store, publish: Publish) -> None:
    store.add(draft())
    with ScriptedBroker(answers={5: answer, 4: ACCEPTED[4]}) as broker:
        publisher = publish(broker.port)
        eventually(lambda: store.counts().pending == 0, "acknowledged")
        assert broker.levels == [5, 4]
        assert publisher.state.version == "3.1.1"
        publisher.stop()


def test_3_1_1_is_tried_where_5_is_not_answered(
    store: Store, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Budget, "broker_answer_s", 0.2)
    store.add(draft())
    with ScriptedBroker(answers={5: None, 4: ACCEPTED[4]}) as broker:
        publisher = publish(broker.port)
        eventually(lambda: store.counts().pending == 0, "acknowledged")
        assert broker.levels == [5, 4]
        publisher.stop()


def test_a_refusal_that_no_version_changes_is_not_asked_twice(publish: Publish) -> None:
    not_authorized = b"\x20\x03\x00\x87\x00"
    with ScriptedBroker(answers={5: not_authorized}) as broker:
        publisher = publish(broker.port)
        eventually(lambda: "Not authorized" in str(publisher.state.fault), "refused")
        publisher.stop()
        assert set(broker.levels) == {5}


def test_the_demo_broker_is_reached_by_fallback(
    store: Store, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Budget, "broker_answer_s", 0.5)
    store.add(draft())
    with DemoBroker(free_port()) as broker:
        publisher = publish(broker.port)
        eventually(lambda: store.counts().pending == 0, "acknowledged")
        assert publisher.state.version == "3.1.1"
        publisher.stop()


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_version_can_be_asked_for(
    mosquitto: Mosquitto, store: Store, publish: Publish, version: str
) -> None:
    one = store.add(draft())
    with Listener(mosquitto.port) as listener:
        publisher = publish(mosquitto.port, protocol=version)
        eventually(lambda: listener.readings() == [str(one.id)], "delivered")
        assert publisher.state.version == version
        publisher.stop()
        eventually(lambda: listener.statuses() == ["online", "offline"], "birth and farewell")


@pytest.mark.parametrize(("in_flight", "broker_takes", "sent"), [(4, None, 4), (50, 3, 3)])
def test_only_so_many_wait_for_an_acknowledgement(
    store: Store, publish: Publish, in_flight: int, broker_takes: int | None, sent: int
) -> None:
    for _ in range(10):
        store.add(draft())
    accepted = (
        ACCEPTED[5] if broker_takes is None else b"\x20\x06\x00\x00\x03\x21\x00" + bytes([broker_takes])
    )
    with ScriptedBroker(answers={5: accepted}, puback=lambda _: None) as broker:
        publisher = publish(broker.port, in_flight=in_flight)
        eventually(lambda: len(broker.published) == sent, "window filled")
        publisher.wake()
        publisher.wake()
        assert broker.published == [b"janban/v1/north/line-1/status"] + [
            b"janban/v1/north/line-1/reading"
        ] * (sent - 1)
        assert store.counts().sent == 0


def test_a_packet_identifier_means_nothing_on_the_next_connection(store: Store, publish: Publish) -> None:
    """The second connection's first PUBACK must not mark what the first connection had in flight."""
    ids = [store.add(draft()).id for _ in range(3)]
    silent_at_first = iter([None] * 4)
    acknowledged = threading.Event()

    def puback(packet: int) -> bytes | None:
        if next(silent_at_first, b"") is None:
            return None
        # On the second connection only the birth, packet 1, is acknowledged.
        acknowledged.set()
        return b"\x40\x02\x00\x01" if packet == 1 else None

    with ScriptedBroker(puback=puback) as broker:
        publish(broker.port)
        eventually(lambda: len(broker.published) == 4, "all in flight")
        broker._guests[0].shutdown(socket.SHUT_RDWR)
        eventually(acknowledged.is_set, "second connection")
        eventually(lambda: len(broker.published) == 8, "all in flight again")
        assert [waiting.id for waiting in store.pending(9)] == ids


def test_the_session_lasts_as_long_as_the_will_is_delayed(publish: Publish) -> None:
    """Else a short loss would be announced: the end of a session publishes its will (MQTT 5, 3.1.3.2.2)."""
    with ScriptedBroker() as broker:
        publisher = publish(broker.port, will_delay_s=1234)
        eventually(lambda: publisher.state.connected, "connected")
    delay = struct.pack(">I", 1234)
    [connect, *_] = broker.connects
    clean_start, will, qos_1, retain = 0x02, 0x04, 0x08, 0x20
    assert connect[7] & (clean_start | will | qos_1 | retain) == will | qos_1 | retain
    assert connect[10:].startswith(b"\x05\x11" + delay), "session expiry interval"
    assert b"\x05\x18" + delay in connect, "will delay interval"


def test_an_unreachable_broker_delays_nobody(store: Store, publish: Publish) -> None:
    refusing = publish(free_port())
    with socket.create_server(("127.0.0.1", 0)) as never_answers:
        silent = publish(never_answers.getsockname()[1])
        for _ in range(5):
            store.add(draft())
            refusing.wake()
            silent.wake()
        eventually(lambda: "refused" in str(refusing.state.fault), "refused")
        assert store.counts().pending == 5
        for publisher in (refusing, silent):
            publisher.stop()
            publisher.stop()
            publisher.wake()
        names = [thread.name for thread in threading.enumerate()]
        assert "publish" not in names


def test_a_store_that_fails_for_a_while_does_not_end_publishing(
    mosquitto: Mosquitto, store: Store, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [str(store.add(draft()).id) for _ in range(3)]
    store.close()
    with Listener(mosquitto.port) as listener:
        publisher = publish(mosquitto.port)
        eventually(lambda: publisher.state.connected, "connected")
        store.open()
        publisher.wake()
        eventually(lambda: listener.readings() == ids, "delivered")
        monkeypatch.setattr(store, "pending", lambda _limit: 1 / 0)
        publisher.wake()
        eventually(lambda: "ZeroDivisionError" in str(publisher.state.fault), "stumbled")
        monkeypatch.undo()
        ids.append(str(store.add(draft()).id))
        eventually(lambda: listener.readings() == ids, "delivered after stumbling")
