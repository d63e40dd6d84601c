"""The publisher against a real mosquitto."""

import logging
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from appliance.publish.client import Publisher
from appliance.readings.reading import Reading
from appliance.readings.store import Store
from tests.brokers import Certificates, Mosquitto
from tests.publish.listener import Listener, eventually
from tests.publish.scripted import CuttingProxy
from tests.readings.examples import ORIGIN, draft

Publish = Callable[..., Publisher]
Start = Callable[[str], Mosquitto]
ROOT = Path(__file__).parents[2]


def add(store: Store, count: int) -> list[str]:
    return [str(store.add(draft()).id) for _ in range(count)]


def test_readings_arrive_whole_in_order_and_are_marked(
    mosquitto: Mosquitto, store: Store, publish: Publish
) -> None:
    before = add(store, 45)
    with Listener(mosquitto.port) as listener:
        publisher = publish(mosquitto.port, in_flight=7)
        one = store.add(draft())
        publisher.wake()
        eventually(lambda: store.counts().pending == 0, "everything acknowledged")
        eventually(lambda: len(listener.readings()) == 46, "everything delivered")
        assert listener.readings() == [*before, str(one.id)]
        message = next(
            message for message in reversed(listener.messages) if message.topic.endswith("/reading")
        )
        assert Reading.from_json(message.payload) == one
        assert (message.topic, message.qos, message.retain) == ("janban/v1/north/line-1/reading", 1, False)
        assert not hasattr(message.properties, "MessageExpiryInterval")
        assert publisher.state.connected
        assert publisher.state.version == "5"
    assert store.counts().sent == 46


def test_birth_is_retained_and_stopping_says_offline(mosquitto: Mosquitto, publish: Publish) -> None:
    publisher = publish(mosquitto.port)
    eventually(lambda: publisher.state.connected, "connected")
    with Listener(mosquitto.port) as listener:
        eventually(lambda: listener.statuses() == ["online"], "birth")
        [birth] = [message for message in listener.messages if message.topic.endswith("/status")]
        assert birth.retain
        publisher.stop()
        eventually(lambda: listener.statuses() == ["online", "offline"], "farewell")
        assert {status["boot_id"] for status in listener.on("/status")} == {str(ORIGIN.boot_id)}
    with Listener(mosquitto.port) as late:
        eventually(lambda: late.statuses() == ["offline"], "retained farewell")


def test_status_says_how_well_the_box_works_and_says_so_again_after_a_reconnect(
    mosquitto: Mosquitto, publish: Publish
) -> None:
    def conditions(listener: Listener) -> list[tuple[object, object]]:
        told = (status for status in listener.on("/status") if status["status"] == "online")
        return [(status.get("state"), status.get("reasons")) for status in told]

    publisher = publish(mosquitto.port)
    ill = {"state": "degraded", "unable": None, "degraded": ["the camera is gone"]}
    worse = {"state": "unable", "unable": "no frame", "degraded": ["the camera is gone"]}
    with Listener(mosquitto.port) as listener:
        eventually(lambda: conditions(listener) == [(None, None)], "birth")
        for health in (ill, ill, worse):
            publisher.send_health(health)
        eventually(lambda: conditions(listener)[-1][0] == "unable", "condition")
        assert conditions(listener)[-1] == ("unable", ["no frame", "the camera is gone"])
        assert listener.on("/health")[-1] == worse
        mosquitto.stop()
        mosquitto.start()
        told = len(conditions(listener))
        eventually(lambda: len(conditions(listener)) > told, "birth again")
        assert {state for state, _ in conditions(listener)[told:]} == {"unable"}


def test_info_and_health_are_retained_and_health_expires(mosquitto: Mosquitto, publish: Publish) -> None:
    publisher = publish(mosquitto.port, health_expiry_s=77)
    publisher.set_info({"version": "1"})
    publisher.send_health({"temperature_c": 51.5})
    with Listener(mosquitto.port) as listener:
        eventually(lambda: listener.on("/info") == [{"version": "1"}], "info")
        publisher.send_health({"temperature_c": 52.0})
        eventually(lambda: {"temperature_c": 52.0} in listener.on("/health"), "health")
        health = next(message for message in reversed(listener.messages) if message.topic.endswith("/health"))
        assert health.properties is not None
        assert health.properties.MessageExpiryInterval <= 77
        assert health.qos == 1
    with Listener(mosquitto.port) as late:
        eventually(lambda: late.on("/health") == [{"temperature_c": 52.0}], "retained health")
        with pytest.raises(ValueError, match="JSON compliant"):
            publisher.send_health({"temperature_c": float("nan")})


def test_a_killed_device_is_declared_offline(mosquitto: Mosquitto, tmp_path: Path) -> None:
    program = """
        import sys, time
        from pathlib import Path
        from appliance.publish.client import Publisher
        from appliance.publish.settings import PublishSettings
        from appliance.readings.settings import StoreSettings
        from appliance.readings.store import Store
        from tests.readings.examples import ORIGIN
        with Store(Path(sys.argv[2]), StoreSettings()) as store:
            settings = PublishSettings(host="127.0.0.1", port=int(sys.argv[1]), will_delay_s=0)
            Publisher(settings, ORIGIN, store).start()
            time.sleep(60)
    """
    with Listener(mosquitto.port) as listener:
        with subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program), str(mosquitto.port), str(tmp_path / "r.db")],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        ) as device:
            eventually(lambda: listener.statuses() == ["online"], "birth")
            device.send_signal(signal.SIGKILL)
        eventually(lambda: listener.statuses() == ["online", "offline"], "will")
        assert listener.on("/status")[1]["boot_id"] == str(ORIGIN.boot_id)


def test_a_short_loss_is_not_announced(mosquitto: Mosquitto, store: Store, publish: Publish) -> None:
    with Listener(mosquitto.port) as listener, CuttingProxy(mosquitto.port, [2500, 2500]) as proxy:
        publish(proxy.port, will_delay_s=5)
        ids = add(store, 10)
        eventually(lambda: listener.readings() == ids, "readings")
        assert proxy.cuts == 2
        assert set(listener.statuses()) == {"online"}


def test_a_broker_that_goes_away_mid_stream_costs_nothing(
    mosquitto_broker: Start, store: Store, publish: Publish, tmp_path: Path
) -> None:
    kept = f"persistence true\npersistence_location {tmp_path}/\nmax_queued_messages 0"
    broker = mosquitto_broker(f"allow_anonymous true\n{kept}")
    with Listener(broker.port) as listener:
        publisher = publish(broker.port)
        ids = add(store, 60)
        publisher.wake()
        eventually(lambda: len(listener.readings()) > 5, "the stream runs")
        broker.stop()
        eventually(lambda: not publisher.state.connected, "noticed")
        ids += add(store, 40)
        assert store.counts().pending >= 40
        broker.start()
        ids += add(store, 20)
        eventually(lambda: store.counts().pending == 0, "everything acknowledged")
        eventually(lambda: len(listener.readings()) == 120, "everything delivered")
        assert listener.readings() == ids


def test_a_line_that_breaks_anywhere_costs_nothing(
    mosquitto: Mosquitto, store: Store, publish: Publish
) -> None:
    lives = [1, 30, 200, 1500, 2600, 4100, 9001]
    ids = add(store, 80)
    with Listener(mosquitto.port) as listener, CuttingProxy(mosquitto.port, lives) as proxy:
        publish(proxy.port, protocol="5", in_flight=5)
        eventually(lambda: store.counts().pending == 0, "everything acknowledged")
        eventually(lambda: len(listener.readings()) == 80, "everything delivered")
        assert proxy.cuts == 7
        assert listener.readings() == ids


def test_a_password_lets_in_and_is_never_told(
    mosquitto_broker: Start,
    store: Store,
    publish: Publish,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    (tmp_path / "users").touch(mode=0o600)
    subprocess.run(["mosquitto_passwd", "-b", tmp_path / "users", "line-1", "s3cret-word"], check=True)
    broker = mosquitto_broker(f"allow_anonymous false\npassword_file {tmp_path / 'users'}")
    (tmp_path / "right").write_text("s3cret-word\n")
    (tmp_path / "wrong").write_text("wr0ng-word\n")
    add(store, 1)
    refused = publish(broker.port, username="line-1", password_file=tmp_path / "wrong")
    eventually(lambda: refused.state.fault is not None, "refused")
    assert "Not authorized" in str(refused.state.fault)
    refused.stop()
    assert store.counts().pending == 1
    publisher = publish(broker.port, username="line-1", password_file=tmp_path / "right")
    eventually(lambda: store.counts().pending == 0, "acknowledged")
    told = caplog.text + repr(publisher.__dict__) + repr(refused.state)
    assert "s3cret" not in told
    assert "wr0ng" not in told


def test_certificates_say_who_is_who(
    mosquitto_broker: Start, store: Store, publish: Publish, certificates: Certificates, tmp_path: Path
) -> None:
    (tmp_path / "acl").write_text("pattern write janban/v1/+/%u/#\npattern read janban/#\n")
    broker = mosquitto_broker(
        f"cafile {certificates.ca}\ncertfile {certificates.broker_cert}\nkeyfile {certificates.broker_key}\n"
        f"require_certificate true\nuse_identity_as_username true\nacl_file {tmp_path / 'acl'}"
    )
    pair = {"ca": certificates.ca, "cert": certificates.client_cert, "key": certificates.client_key}
    ids = add(store, 30)
    with Listener(broker.port, **pair) as listener:
        publish(broker.port, tls=pair)
        eventually(lambda: listener.readings() == ids, "readings over TLS")
    nobody = publish(broker.port, tls={"ca": certificates.ca})
    eventually(lambda: nobody.state.fault is not None, "refused without a certificate")
    assert "the broker hung up on CONNECT" in str(nobody.state.fault)
    doubter = publish(broker.port, tls={})
    eventually(lambda: doubter.state.fault is not None, "unknown authority")
    assert "certificate verify failed" in str(doubter.state.fault)


def test_a_reading_that_access_rules_forbid_stays(
    mosquitto_broker: Start, store: Store, publish: Publish, tmp_path: Path
) -> None:
    (tmp_path / "acl").write_text("topic write janban/v1/south/#\n")
    broker = mosquitto_broker(f"allow_anonymous true\nacl_file {tmp_path / 'acl'}")
    add(store, 1)
    publisher = publish(broker.port)
    eventually(lambda: "refused a reading: Not authorized" in str(publisher.state.fault), "refusal")
    assert store.counts().pending == 1


def test_what_is_published_late_says_so(mosquitto: Mosquitto, store: Store, publish: Publish) -> None:
    other_boot = type(ORIGIN)(ORIGIN.site, ORIGIN.device, UUID(int=1))
    store.add(draft(origin=other_boot))
    store.add(draft())
    with Listener(mosquitto.port) as listener:
        publish(mosquitto.port)
        eventually(lambda: len(listener.readings()) == 2, "readings")
        assert [reading["historical"] for reading in listener.on("/reading")] == [True, False]


def test_nobody_listening_is_said_once(
    mosquitto: Mosquitto, store: Store, publish: Publish, caplog: pytest.LogCaptureFixture
) -> None:
    add(store, 5)
    publish(mosquitto.port)
    eventually(lambda: store.counts().pending == 0, "acknowledged")
    assert len([record for record in caplog.records if "nobody subscribes" in record.message]) == 1
