"""A box from its provision file to a broker that knows boxes by their certificates, as the page says."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.clock import Deadline, SystemClock
from appliance.config import load
from appliance.doctor.broker import broker
from appliance.doctor.identity import identity, secrets
from appliance.provision.certificate import new_key
from appliance.provision.disk import Disk
from appliance.provision.places import Places
from appliance.provision.provision import provision
from appliance.publish.dial import dial
from appliance.publish.endpoint import Endpoint
from appliance.publish.link import Caller, Link
from tests.brokers import Mosquitto
from tests.provision.authority import Authority, new_authority
from tests.provision.boxes import order

PAGE = Path(__file__).parents[2] / "docs/provisioning.md"
REQUEST = 'kind = "certificate_request"'
CLOCK = SystemClock()


def year(offset: int) -> datetime:
    return datetime(datetime.now(UTC).year + offset, 1, 1, tzinfo=UTC)


@pytest.fixture
def authority() -> Authority:
    return new_authority()


@pytest.fixture
def strict_broker(
    tmp_path: Path, authority: Authority, mosquitto_broker: Callable[[str], Mosquitto]
) -> Mosquitto:
    """Return a broker with the settings of docs/provisioning.md."""
    key = new_key()
    (tmp_path / "ca.pem").write_text(authority.pem)
    (tmp_path / "broker.key").write_bytes(key)
    certificate = authority.sign_server(key, "127.0.0.1", year(-1), year(2))
    (tmp_path / "broker.pem").write_bytes(certificate)
    block = re.search(r"```\nlistener 8883\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    rules = re.findall(r"^# (pattern .*)$", block[1], re.MULTILINE)
    (tmp_path / "acl").write_text("\n".join(rules) + "\n")
    settings = re.sub(r"^#.*$", "", block[1], flags=re.MULTILINE)
    for name in ("ca.pem", "broker.pem", "broker.key", "acl"):
        settings = re.sub(rf" {re.escape(name)}$", f" {tmp_path / name}", settings, flags=re.MULTILINE)
    return mosquitto_broker(settings)


def acknowledgement(link: Link, topic: str) -> str:
    """Return what the broker says to a message."""
    mid, deadline = link.publish(topic, "{}"), Deadline.after(30, CLOCK)
    while not deadline.passed:
        link.pump(1)
        for acknowledged, reason in link.take_acknowledged():
            if acknowledged == mid:
                return reason.getName()
    pytest.fail("the broker said nothing")


def test_a_box_that_asked_for_its_certificate_writes_below_its_name_and_nowhere_else(
    tmp_path: Path, authority: Authority, strict_broker: Mosquitto
) -> None:
    boot = tmp_path / "boot"
    boot.mkdir()
    places = Places(file=boot / "provision.toml", config=tmp_path / "janban.toml", state=tmp_path / "state")
    places.state.mkdir()
    text = order(REQUEST, ca=authority.pem).replace("broker.example.org", "127.0.0.1")
    places.file.write_text(text.replace("[broker]", f"[broker]\nport = {strict_broker.port}"))

    provision(places, CLOCK, Disk())
    waiting = load(places.config)
    assert "waits for its certificate" in identity(waiting, CLOCK.utc()).found
    assert "asks for a certificate" in broker(waiting, CLOCK).advice

    signed = authority.sign((boot / "canteen-3-line-1.csr").read_bytes(), until=year(2))
    (boot / "canteen-3-line-1.crt").write_bytes(signed)
    provision(places, CLOCK, Disk())
    settings = load(places.config)
    for check in (broker(settings, CLOCK), identity(settings, CLOCK.utc()), secrets(settings)):
        assert check.state == "ok", check.found

    link = dial(Endpoint.of(settings.mqtt), Caller("janban-canteen-3-line-1"), CLOCK)
    try:
        granted = ("Success", "No matching subscribers")
        assert acknowledgement(link, "janban/v1/canteen-3/line-1/reading") in granted
        for topic in ("janban/v1/canteen-3/line-2/reading", "janban/v1/line-1/status", "other"):
            assert acknowledgement(link, topic) == "Not authorized"
    finally:
        link.close()
