"""When to try again, by why there is no connection."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from hypothesis import given
from hypothesis import strategies as st

from appliance.budget import Budget, DeadlineSettings
from appliance.clock import SystemClock
from appliance.publish.client import Publisher
from appliance.publish.dial import dial
from appliance.publish.endpoint import Endpoint
from appliance.publish.link import Caller, Link, LinkError
from appliance.publish.retry import Cause, Retry
from appliance.publish.settings import PublishSettings
from appliance.readings.store import Store
from tests.brokers import Certificates, Mosquitto, free_port
from tests.publish.listener import eventually
from tests.publish.scripted import ACCEPTED, ScriptedBroker
from tests.readings.examples import ORIGIN, draft

Start = Callable[[str], Mosquitto]
BUDGET = Budget.of(DeadlineSettings())


def fault(settings: PublishSettings, budget: Budget = BUDGET) -> LinkError:
    with pytest.raises(LinkError) as told:
        dial(Endpoint.of(settings), Caller("caller"), SystemClock(), budget=budget)
    return told.value


def ending(link: Link) -> LinkError:
    """Return why a connection ended that is about to."""
    try:
        while True:
            link.pump(0.1)
    except LinkError as error:
        return error


@given(st.lists(st.sampled_from(Cause)), st.floats(0, 1), st.integers(1, 1000))
def test_however_long_a_broker_was_away_it_is_found_soon(
    before: list[Cause], luck: float, attempts: int
) -> None:
    defaults = PublishSettings()
    retry = Retry(
        defaults.backoff_first_s,
        defaults.retry_max_s,
        defaults.backoff_max_s,
        draw=lambda low, high: low + (high - low) * luck,
    )
    for cause in before:
        retry.wait_s(cause)
    waits = [retry.wait_s(Cause.AWAY) for _ in range(attempts)]
    assert max(waits) <= defaults.retry_max_s
    # A network that returns right after a SYN was sent in vain is noticed by the next attempt: what was left
    # of this one (Linux sends a SYN after 0 s and 1 s, and again after 3 s), and the wait.
    assert BUDGET.broker_connect_s - 1 + max(waits) < 5
    # Not in lockstep with the other boxes, either.
    assert min(waits) >= min(defaults.backoff_first_s, defaults.retry_max_s) / 2


def test_a_refusal_is_repeated_ever_more_rarely() -> None:
    retry = Retry(1.0, 2.0, 60.0, draw=lambda _low, high: high)
    assert [retry.wait_s(Cause.REFUSED) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert retry.wait_s(Cause.AWAY) == 1
    assert retry.wait_s(Cause.REFUSED) == 60
    retry.reset()
    assert retry.wait_s(Cause.REFUSED) == 1


def test_who_does_not_answer_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Budget, "broker_answer_s", 0.2)
    assert fault(PublishSettings(host="127.0.0.1", port=free_port())).cause is Cause.AWAY
    for answer in (b"", None, b"\x20\x03\x00\x88\x00"):
        with ScriptedBroker(answers={5: answer, 4: b""}) as broker:
            assert fault(PublishSettings(host="127.0.0.1", port=broker.port)).cause is Cause.AWAY
    # A name that nobody knows may be a network without its name server.
    assert fault(PublishSettings(host="broker.invalid")).cause is Cause.AWAY


def test_who_says_no_has_refused() -> None:
    for reason in (0x87, 0x86, 0x8A):
        with ScriptedBroker(answers={5: bytes([0x20, 3, 0, reason, 0])}) as broker:
            assert fault(PublishSettings(host="127.0.0.1", port=broker.port)).cause is Cause.REFUSED


def test_a_broker_that_is_not_trusted_is_not_asked_in_haste(
    mosquitto_broker: Start, certificates: Certificates
) -> None:
    broker = mosquitto_broker(
        f"certfile {certificates.broker_cert}\nkeyfile {certificates.broker_key}\nallow_anonymous true"
    )
    settings = {"host": "127.0.0.1", "port": broker.port, "tls": {}}
    assert fault(PublishSettings.model_validate(settings)).cause is Cause.REFUSED


@pytest.mark.parametrize(
    ("reason", "cause"),
    [(0x8B, Cause.AWAY), (0x89, Cause.AWAY), (0x8E, Cause.REFUSED), (0x87, Cause.REFUSED)],
    ids=["shutting down", "busy", "taken over by another of this name", "not authorised"],
)
def test_a_broker_that_sends_away_says_whether_to_come_back(reason: int, cause: Cause) -> None:
    with ScriptedBroker(answers={5: ACCEPTED[5] + bytes([0xE0, 2, reason, 0])}) as broker:
        endpoint = Endpoint.of(PublishSettings(host="127.0.0.1", port=broker.port))
        link = dial(endpoint, Caller("caller"), SystemClock())
        assert ending(link).cause is cause
        link.close()


def test_a_broker_that_is_stopped_is_away(mosquitto: Mosquitto) -> None:
    endpoint = Endpoint.of(PublishSettings(host="127.0.0.1", port=mosquitto.port))
    link = dial(endpoint, Caller("caller"), SystemClock())
    mosquitto.stop()
    assert ending(link).cause is Cause.AWAY
    link.close()


@pytest.fixture
def future_broker(mosquitto_broker: Start, certificates: Certificates, tmp_path: Path) -> Mosquitto:
    """Return a broker whose certificate begins tomorrow: what a box sees whose clock is behind."""
    authority = x509.load_pem_x509_certificate(certificates.ca.read_bytes())
    authority_key = serialization.load_pem_private_key(
        (certificates.ca.parent / "ca.key").read_bytes(), password=None
    )
    assert isinstance(authority_key, EllipticCurvePrivateKey)
    old = x509.load_pem_x509_certificate(certificates.broker_cert.read_bytes())
    address = old.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    future = (
        x509.CertificateBuilder(authority.subject, old.subject, old.public_key(), x509.random_serial_number())
        .not_valid_before(tomorrow)
        .not_valid_after(tomorrow + timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    (tmp_path / "future.pem").write_bytes(future.public_bytes(serialization.Encoding.PEM))
    return mosquitto_broker(
        f"cafile {certificates.ca}\ncertfile {tmp_path / 'future.pem'}\nkeyfile {certificates.broker_key}\n"
        "allow_anonymous true"
    )


@pytest.mark.parametrize("synced", [False, True])
def test_a_clock_that_is_not_set_is_named_as_the_fault(
    future_broker: Mosquitto, certificates: Certificates, store: Store, *, synced: bool
) -> None:
    settings = PublishSettings.model_validate(
        {"host": "127.0.0.1", "port": future_broker.port, "tls": {"ca": certificates.ca}}
    )
    assert fault(settings).cause is Cause.EARLY
    publisher = Publisher(settings, ORIGIN, store, clock_synced=lambda: synced)
    publisher.start()
    eventually(lambda: publisher.state.fault is not None, "refused")
    fault_told = str(publisher.state.fault)
    publisher.stop()
    told = "certificate is not yet valid" if synced else "the clock is not set yet; waits for time sync"
    assert told in fault_told


def test_a_broker_that_acknowledges_nothing_is_left(
    store: Store, publish: Callable[..., Publisher], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Budget, "broker_silence_s", 0.3)
    store.add(draft())
    with ScriptedBroker(puback=lambda _: None) as broker:
        publisher = publish(broker.port)
        eventually(lambda: "acknowledged nothing" in str(publisher.state.fault), "given up")
        eventually(lambda: len(broker.connects) > 1, "connected again")
        publisher.stop()
    assert store.counts().pending == 1


def test_a_packet_that_would_fill_the_memory_ends_the_connection(
    publish: Callable[..., Publisher],
) -> None:
    of_268_mb = b"\x30\xff\xff\xff\x7f"
    with ScriptedBroker(puback=lambda _: of_268_mb + bytes(1000)) as broker:
        publisher = publish(broker.port)
        eventually(lambda: "too large" in str(publisher.state.fault), "given up")
        eventually(lambda: len(broker.connects) > 1, "connected again")
        publisher.stop()


@pytest.mark.parametrize("pingresp", [None, b"\xd0\x00"], ids=["silent", "answers"])
def test_a_line_that_was_cut_unnoticed_is_given_up_soon_after_the_keepalive(
    monkeypatch: pytest.MonkeyPatch, pingresp: bytes | None
) -> None:
    silence_s = 0.5 if pingresp is None else 30.0
    monkeypatch.setattr(Budget, "broker_silence_s", silence_s)
    with ScriptedBroker(pingresp=pingresp) as broker:
        endpoint = replace(Endpoint.of(PublishSettings(host="127.0.0.1", port=broker.port)), keepalive_s=1)
        link = dial(endpoint, Caller("caller"), SystemClock())
        if pingresp is None:
            assert "has not answered" in str(ending(link))
        else:
            while not broker.pinged.is_set() or link._events.pinged_s is not None:
                link.pump(0.1)
        link.close()


def test_a_long_absence_fills_no_log(
    publish: Callable[..., Publisher], caplog: pytest.LogCaptureFixture
) -> None:
    answers = {5: b"", 4: b""}
    with ScriptedBroker(answers=answers) as broker:
        publisher = publish(broker.port)
        eventually(lambda: len(broker.connects) >= 8, "several attempts")
        warnings = [record for record in caplog.records if "readings wait in the store" in record.message]
        assert len(warnings) == len({record.message for record in warnings})
        # And the absence is as long as it is, however often somebody tried.
        since_s = publisher.state.since_s
        eventually(lambda: len(broker.connects) >= 12, "more attempts")
        assert publisher.state.since_s == since_s
        publisher.stop()
