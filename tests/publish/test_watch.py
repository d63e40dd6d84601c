import io
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest

from appliance.budget import Budget
from appliance.errors import PublishError
from appliance.publish.client import Publisher
from appliance.publish.demo_broker import DemoBroker
from appliance.publish.settings import PublishSettings
from appliance.publish.watch import Printer, watch
from appliance.publish.words import in_words
from appliance.readings.store import Store
from appliance.readings.variant import Variant, VariantCompartment
from tests.brokers import Mosquitto, free_port
from tests.publish.listener import eventually
from tests.readings.examples import CAPTURED_AT, compartment, draft, outcome, rejected

Publish = Callable[..., Publisher]


@contextmanager
def watching(
    port: int, site: str = "+", *, as_json: bool = True, **settings: object
) -> Iterator[io.StringIO]:
    out, stop = io.StringIO(), threading.Event()
    values = PublishSettings.model_validate(
        {"host": "127.0.0.1", "port": port, "backoff_first_s": 0.05, "backoff_max_s": 1.0, **settings}
    )
    options = {"json": as_json, "out": out, "stop": stop}
    thread = threading.Thread(target=watch, args=(values, site), kwargs=options)
    thread.start()
    try:
        yield out
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


def subscribed(broker: Mosquitto, times: int = 1) -> None:
    eventually(lambda: broker.said().count("Received SUBSCRIBE from janban-watch") >= times, "subscribed")


def test_watch_prints_lines_of_json(mosquitto: Mosquitto, store: Store, publish: Publish) -> None:
    with watching(mosquitto.port) as out:
        subscribed(mosquitto)
        added = [store.add(draft()) for _ in range(3)]
        publish(mosquitto.port)
        eventually(lambda: out.getvalue().count("\n") == 3, "printed")
        assert [json.loads(line) for line in out.getvalue().splitlines()] == [
            json.loads(reading.to_json()) for reading in added
        ]


def test_watch_goes_on_after_the_broker_was_away(
    mosquitto: Mosquitto, store: Store, publish: Publish
) -> None:
    with watching(mosquitto.port, "north", as_json=False) as out:
        subscribed(mosquitto)
        mosquitto.stop()
        mosquitto.start()
        subscribed(mosquitto, 2)
        store.add(draft())
        publish(mosquitto.port)
        eventually(lambda: "north/line-1 #1" in out.getvalue(), "printed")


def test_watch_shows_only_the_site_asked_for(mosquitto: Mosquitto, store: Store, publish: Publish) -> None:
    with watching(mosquitto.port, "south") as south, watching(mosquitto.port) as everywhere:
        subscribed(mosquitto, 2)
        store.add(draft())
        publish(mosquitto.port)
        eventually(lambda: everywhere.getvalue() != "", "printed")
        assert south.getvalue() == ""


def test_watch_reaches_the_demo_broker(
    store: Store, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Budget, "broker_answer_s", 0.5)
    with DemoBroker(free_port()) as broker, watching(broker.port, as_json=False) as out:
        publisher = publish(broker.port, protocol="3.1.1")

        def printed() -> bool:
            store.add(draft())
            publisher.wake()
            return "north/line-1" in out.getvalue()

        eventually(printed, "printed")
        publisher.stop()


def test_watch_says_in_one_line_what_cannot_work() -> None:
    settings = PublishSettings(host="127.0.0.1", port=free_port())
    for site, why in (("+", "Connection refused; check the broker"), ("a/b", "no name for a topic")):
        with pytest.raises(PublishError, match=why) as told:
            watch(settings, site, json=False, out=io.StringIO(), stop=threading.Event())
        assert "\n" not in str(told.value)


def test_watch_ends_when_nobody_reads_any_more() -> None:
    class Closed(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        Printer(Closed(), json=True).take(draft().numbered(1).to_json().encode())


def test_each_reading_is_printed_once_and_nonsense_never(caplog: pytest.LogCaptureFixture) -> None:
    out = io.StringIO()
    printer = Printer(out, json=True)
    reading = draft().numbered(1)
    newer = {**json.loads(draft().numbered(2).to_json()), "weather": "rain"}
    with caplog.at_level(logging.WARNING):
        for payload in (
            reading.to_json().encode(),
            reading.late().to_json().encode(),
            b"\xff\x00",
            b"[]",
            b'{"schema":"janban.reading/1"}',
            reading.to_json().replace('"leftover":0.5', '"leftover":NaN').encode(),
            json.dumps(newer, indent=2).encode(),
        ):
            printer.take(payload)
    first, second = out.getvalue().splitlines()
    assert json.loads(first) == json.loads(reading.to_json())
    assert json.loads(second) == newer
    assert len(caplog.records) == 4


def test_words_say_what_a_person_asks() -> None:
    wells = tuple(compartment(id=number, leftover=number / 5) for number in range(6))
    full = draft(outcome=outcome(compartments=wells, leftover=0.384)).numbered(12)
    lines = in_words(full).splitlines()
    clock_time = f"{CAPTURED_AT.astimezone():%H:%M:%S}"
    assert lines[0] == f"{clock_time}  north/line-1 #12   38% left"
    assert lines[1] == "   0 ░░░░░░   0%   1 █░░░░░  20%   2 ██░░░░  40%   3 ████░░  60%   4 █████░  80%"
    assert lines[2].strip() == "5 ██████ 100%"
    assert max(len(line) for line in lines) <= 80
    in_words(full, ascii_only=True).encode("ascii")


@pytest.mark.parametrize("zone", ["EAST-9", "WEST+9"])
@pytest.mark.parametrize("when", ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00"])
def test_words_for_the_ends_of_the_calendar(zone: str, when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reading = draft(captured_at=datetime.fromisoformat(when)).numbered(1)
    with monkeypatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        assert "50% left" in in_words(reading)
    time.tzset()


def test_words_tell_the_unusual() -> None:
    unsynced = in_words(draft(outcome=rejected(), clock="unsynced").numbered(3))
    assert unsynced.startswith("~")
    assert unsynced.endswith("#3  rejected: no tray found")
    glare = outcome(status="degraded", reason="glare")
    late = in_words(draft(outcome=glare, captured_at=CAPTURED_AT - timedelta(days=3)).numbered(4).late())
    assert "50% left, degraded: glare (late)" in late
    assert late.startswith(f"{(CAPTURED_AT - timedelta(days=3)).astimezone():%Y-%m-%d %H:%M:%S}")


def test_words_tell_the_variant_below() -> None:
    wells = tuple(VariantCompartment(id=number, leftover=number / 10, uncertainty=0.1) for number in range(6))
    tested = Variant(name="new", path="full", compartments=wells, leftover=0.21)
    lines = in_words(draft(outcome=outcome(variant=tested)).numbered(12)).splitlines()
    assert lines[2] == "  new:  21% left"
    assert lines[3].split() == ["0", "0%", "1", "10%", "2", "20%", "3", "30%", "4", "40%"]
    assert lines[4].split() == ["5", "50%"]
    # Numbers of both stand below each other.
    assert lines[1].index("1 █") == lines[3].index("0  ")
    skipped = Variant(name="new", skipped="another tray waited")
    assert in_words(draft(outcome=outcome(variant=skipped)).numbered(1)).endswith(
        "\n  new: skipped: another tray waited"
    )


def test_a_port_in_use_is_one_clear_line() -> None:
    with DemoBroker(free_port()) as broker:
        with pytest.raises(PublishError, match=f"port {broker.port} is in use") as told:
            DemoBroker(broker.port).start()
        assert "\n" not in str(told.value)
    with DemoBroker(broker.port):
        pass
    assert "demo-broker" not in [thread.name for thread in threading.enumerate()]
