"""Commands and results through a real mosquitto, with everybody failing in between."""

import json
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from appliance.clock import Deadline, SystemClock
from appliance.errors import CommandError
from appliance.publish.client import Publisher
from appliance.publish.dial import dial
from appliance.publish.endpoint import Endpoint
from appliance.publish.link import Caller
from appliance.publish.settings import PublishSettings
from appliance.publish.topics import Topics
from appliance.readings.store import Store
from appliance.remote.ask import ask, make_request
from appliance.remote.desk import Answer, Command, Desk
from appliance.remote.gate import Gate
from appliance.remote.journal import Journal
from appliance.remote.request import Attachment, Request, Result
from appliance.remote.signature import sign
from tests.brokers import Mosquitto, free_port
from tests.publish.listener import Listener, eventually
from tests.publish.scripted import ScriptedBroker
from tests.readings.examples import ORIGIN, draft
from tests.remote.operators import ALI, OPERATORS, STRANGER

Start = Callable[[str], Mosquitto]
ROOT = Path(__file__).parents[2]
TOPICS = Topics(ORIGIN.site, ORIGIN.device)
CLOCK = SystemClock()


class Box:
    """A publisher and a desk that does one thing: count."""

    def __init__(self, folder: Path, readings: Store, port: int, **settings: object) -> None:
        self.done = 0
        self.attachment: Attachment | None = None
        self.gate = threading.Event()
        self.gate.set()
        gate = Gate(OPERATORS, ORIGIN.site, ORIGIN.device, CLOCK.utc, lambda: True)
        self.desk = Desk(gate, Journal(folder / "commands.sqlite"), {"menu": Command(self._do, 60)}, CLOCK)
        values = {
            "host": "127.0.0.1",
            "port": port,
            "backoff_first_s": 0.05,
            "backoff_max_s": 1.0,
            **settings,
        }
        self.publisher = Publisher(
            PublishSettings.model_validate(values), ORIGIN, readings, mailbox=self.desk
        )

    def _do(self, _arguments: object, _deadline: Deadline) -> Answer:
        assert self.gate.wait(60)
        self.done += 1
        return Answer(f"done {self.done}", attachment=self.attachment)


@contextmanager
def running(folder: Path, readings: Store, port: int, **settings: object) -> Iterator[Box]:
    box = Box(folder, readings, port, **settings)
    box.desk.start(box.publisher.wake)
    box.publisher.start()
    try:
        yield box
    finally:
        box.gate.set()
        box.desk.stop(30)
        box.publisher.stop()
        box.desk.close()


def menu(**changes: object) -> Request:
    request = make_request(TOPICS, "menu", {"meal": "bulgogi"}, 300, CLOCK)
    return request.model_copy(update=changes)


def send(port: int, payload: str, *, retain: bool = False) -> None:
    link = dial(Endpoint.of(PublishSettings(host="127.0.0.1", port=port)), Caller("sender"), CLOCK)
    mid = link.publish(TOPICS.command("menu"), payload, retain=retain)
    acknowledged: list[int] = []
    while mid not in acknowledged:
        link.pump(5)
        acknowledged += [one for one, _ in link.take_acknowledged()]
    link.disconnect()
    link.close()


def subscribed(broker: Mosquitto, times: int = 1) -> None:
    eventually(lambda: broker.said().count("/cmd/+ (QoS 1)") >= times, "subscribed")


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_signed_command_is_answered(
    mosquitto: Mosquitto,
    store: Store,
    tmp_path: Path,
    protocol: str,
) -> None:
    settings = PublishSettings(host="127.0.0.1", port=mosquitto.port)
    with running(tmp_path, store, mosquitto.port, protocol=protocol) as box:
        subscribed(mosquitto)
        asked = menu()
        for _ in range(2):
            result = ask(settings, asked, ALI, 30, CLOCK)
            assert (result.id, result.status, result.detail) == (asked.id, "done", "done 1")
        hour = timedelta(hours=1)
        stale = menu(issued_at=asked.issued_at - hour, expires_at=asked.expires_at - hour)
        assert ask(settings, stale, ALI, 30, CLOCK).detail == "the request has expired"
        # Who is no operator is not told which request was refused, and so hears nothing.
        with pytest.raises(CommandError, match="no answer"):
            ask(settings, menu(), STRANGER, 2, CLOCK)
        assert box.done == 1


def test_a_result_waits_for_the_broker(
    mosquitto_broker: Start,
    store: Store,
    tmp_path: Path,
) -> None:
    broker = mosquitto_broker(f"allow_anonymous true\npersistence true\npersistence_location {tmp_path}/")
    with Listener(broker.port) as listener, running(tmp_path, store, broker.port) as box:
        subscribed(broker)
        box.gate.clear()
        send(broker.port, sign(menu(), ALI).model_dump_json())
        eventually(lambda: box.desk._running is not None, "being done")
        broker.stop()
        eventually(lambda: not box.publisher.state.connected, "noticed")
        box.gate.set()
        eventually(lambda: box.done == 1, "done")
        broker.start()
        eventually(lambda: [one["status"] for one in listener.on("/result")] == ["done"], "told")
        message = next(message for message in listener.messages if message.topic.endswith("/result"))
        assert (message.qos, message.retain) == (1, False)
        assert message.topic == "janban/v1/north/line-1/cmd/menu/result"


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_result_that_the_broker_finds_too_large_holds_up_nothing(
    mosquitto_broker: Start, store: Store, tmp_path: Path, protocol: str
) -> None:
    """MQTT 5 says beforehand how much a broker takes; others hang up, again at each attempt."""
    broker = mosquitto_broker("allow_anonymous true\nmax_packet_size 20000")
    with (
        Listener(broker.port) as listener,
        running(tmp_path, store, broker.port, protocol=protocol) as box,
    ):
        subscribed(broker)
        box.attachment = Attachment(media_type="image/jpeg", base64="A" * 40_000)
        send(broker.port, sign(menu(), ALI).model_dump_json())
        eventually(lambda: box.done == 1, "done")
        reading = store.add(draft())
        box.publisher.wake()
        eventually(lambda: listener.readings() == [str(reading.id)], "the reading")
        eventually(lambda: len(listener.on("/result")) == 1, "the result")
        [result] = listener.on("/result")
        assert (result["status"], result["attachment"]) == ("done", None)
        assert "too large" in result["detail"]
        eventually(lambda: not box.desk.waiting(), "acknowledged")
        assert box.publisher.connects == (1 if protocol == "5" else box.publisher.connects)


def test_readings_go_on_whatever_comes_as_a_command(
    mosquitto: Mosquitto,
    store: Store,
    tmp_path: Path,
) -> None:
    with Listener(mosquitto.port) as listener, running(tmp_path, store, mosquitto.port) as box:
        subscribed(mosquitto)
        for payload in ("", "{", "[" * 8000, "x" * 60_000, "x" * 200_000):
            send(mosquitto.port, payload)
        send(mosquitto.port, sign(menu(), ALI).model_dump_json(), retain=True)
        reading = store.add(draft())
        box.publisher.wake()
        eventually(lambda: listener.readings() == [str(reading.id)], "the reading")
        eventually(lambda: len(listener.on("/result")) >= 4, "refusals")
        assert {one["detail"] for one in listener.on("/result")} <= {"not authorised", "done 1"}
        assert box.publisher.state.connected


def test_a_retained_command_is_not_done_at_every_connect(
    mosquitto: Mosquitto,
    store: Store,
    tmp_path: Path,
) -> None:
    send(mosquitto.port, sign(menu(), ALI).model_dump_json(), retain=True)
    with running(tmp_path, store, mosquitto.port) as box:
        settings = PublishSettings(host="127.0.0.1", port=mosquitto.port)
        subscribed(mosquitto)
        assert ask(settings, menu(), ALI, 30, CLOCK).detail == "done 1"
        assert box.done == 1


def test_a_broker_that_lets_nobody_subscribe_still_takes_readings(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    not_authorised = bytes([0x90, 4, 0, 1, 0, 0x87])
    with ScriptedBroker(suback=not_authorised) as broker, running(tmp_path, store, broker.port) as box:
        eventually(lambda: "refused a subscription (Not authorized)" in caplog.text, "refused")
        store.add(draft())
        box.publisher.wake()
        eventually(lambda: store.counts().pending == 0, "sent")
        assert len(broker.connects) == 1


def test_an_operator_asks_again_when_the_broker_comes_back(
    mosquitto: Mosquitto,
    store: Store,
    tmp_path: Path,
) -> None:
    settings = PublishSettings(host="127.0.0.1", port=mosquitto.port, backoff_first_s=0.05)
    told: list[Result] = []
    with running(tmp_path, store, mosquitto.port) as box:
        subscribed(mosquitto)
        box.gate.clear()
        operator = threading.Thread(target=lambda: told.append(ask(settings, menu(), ALI, 60, CLOCK)))
        operator.start()
        eventually(lambda: box.desk._running is not None, "being done")
        mosquitto.stop(kill=True)
        box.gate.set()
        eventually(lambda: box.done == 1, "done")
        mosquitto.start()
        operator.join(60)
        assert [result.detail for result in told] == ["done 1"]


def test_without_an_answer_the_operator_is_told(mosquitto: Mosquitto) -> None:
    settings = PublishSettings(host="127.0.0.1", port=mosquitto.port)
    with pytest.raises(CommandError, match="no answer"):
        ask(settings, menu(), ALI, 0.5, CLOCK)


def test_who_reaches_no_broker_is_told_that_nothing_was_sent() -> None:
    settings = PublishSettings(host="127.0.0.1", port=free_port())
    with pytest.raises(CommandError, match="the command was not sent"):
        ask(settings, menu(), ALI, 0.5, CLOCK)


def test_a_process_that_is_killed_meanwhile_says_so_later(mosquitto: Mosquitto, tmp_path: Path) -> None:
    program = """
        import sys, time
        from pathlib import Path
        from appliance.readings.settings import StoreSettings
        from appliance.readings.store import Store
        from tests.remote.test_over_mqtt import running
        folder, port, stuck = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "stuck"
        with Store(folder / "r.db", StoreSettings()) as store, running(folder, store, port) as box:
            if stuck:
                box.gate.clear()
            print("up", flush=True)
            while True:
                if box.desk._running is not None:
                    print("doing", flush=True)
                time.sleep(0.05)
    """

    def start(how: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program), str(tmp_path), str(mosquitto.port), how],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )

    payload = sign(menu(), ALI).model_dump_json()
    with Listener(mosquitto.port) as listener:
        with start("stuck") as first:
            assert first.stdout is not None
            assert first.stdout.readline() == "up\n"
            subscribed(mosquitto)
            send(mosquitto.port, payload)
            assert first.stdout.readline() == "doing\n"
            first.kill()
        with start("free") as second:
            eventually(
                lambda: [one["status"] for one in listener.on("/result")] == ["interrupted"], "interrupted"
            )
            send(mosquitto.port, payload)
            eventually(
                lambda: [one["status"] for one in listener.on("/result")] == ["interrupted"] * 2, "told again"
            )
            second.kill()
        assert json.loads(payload)["request"].find(listener.on("/result")[0]["id"]) >= 0


def test_the_access_rules_of_the_page_suffice(mosquitto_broker: Start, store: Store, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    rules = next(block for block in page.split("```") if "pattern write" in block)
    (tmp_path / "acl").write_text(rules, encoding="utf-8")
    (tmp_path / "users").touch(mode=0o600)
    for user in ("line-1", "ali"):
        subprocess.run(["mosquitto_passwd", "-b", tmp_path / "users", user, "a word"], check=True)
    (tmp_path / "word").write_text("a word")
    broker = mosquitto_broker(
        f"allow_anonymous false\npassword_file {tmp_path / 'users'}\nacl_file {tmp_path / 'acl'}"
    )
    login = {"username": "line-1", "password_file": tmp_path / "word"}
    operator = PublishSettings.model_validate(
        {"host": "127.0.0.1", "port": broker.port, **login, "username": "ali"}
    )
    with running(tmp_path, store, broker.port, **login) as box:
        subscribed(broker)
        assert ask(operator, menu(), ALI, 30, CLOCK).status == "done"
        store.add(draft())
        box.publisher.wake()
        eventually(lambda: store.counts().pending == 0, "sent")
