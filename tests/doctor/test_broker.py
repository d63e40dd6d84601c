import errno
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest

from appliance.clock import SystemClock
from appliance.config import Settings
from appliance.doctor.broker import broker
from appliance.doctor.check import Check
from appliance.doctor.instruments import Instruments
from appliance.provision.certificate import new_key
from appliance.publish.settings import TlsSettings
from tests.brokers import Certificates, Mosquitto, free_port
from tests.doctor.boxes import checked
from tests.provision.authority import Authority, new_authority


def test_a_broker_that_answers(settings: Settings, tools: Instruments, mosquitto: Mosquitto) -> None:
    mqtt = settings.mqtt.model_copy(update={"port": mosquitto.port})
    check = checked(settings.model_copy(update={"mqtt": mqtt}), tools)["broker"]
    assert (check.state, check.found) == ("ok", f"127.0.0.1:{mosquitto.port}, MQTT 5, no TLS")


def test_a_broker_whose_certificate_is_missing(
    settings: Settings, tools: Instruments, tmp_path: Path
) -> None:
    tls = TlsSettings(ca=tmp_path / "ca.pem")
    mqtt = settings.mqtt.model_copy(update={"tls": tls})
    check = checked(settings.model_copy(update={"mqtt": mqtt}), tools)["broker"]
    assert check.state == "fail"
    assert "ca.pem" in check.found


def faulty(settings: Settings, port: int, *, host: str = "127.0.0.1", ca: Path | None = None) -> Check:
    """Return the check of a broker elsewhere; over TLS where `ca` is given."""
    tls = None if ca is None else TlsSettings(ca=ca)
    mqtt = settings.mqtt.model_copy(update={"host": host, "port": port, "tls": tls})
    check = broker(settings.model_copy(update={"mqtt": mqtt}), SystemClock(), clock_set=False)
    assert check.state == "fail"
    assert check.advice
    return check


def test_a_name_without_an_address(settings: Settings) -> None:
    check = faulty(settings, 8883, host="broker.invalid")
    assert "the name broker.invalid has no address" in check.found
    assert "name server" in check.advice


def test_a_port_where_nobody_listens(settings: Settings) -> None:
    assert "refuses connections" in faulty(settings, free_port()).found


def test_a_machine_that_does_not_answer(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for error, found, advice in (
        (TimeoutError(), "does not answer within", "firewall"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "Network is unreachable", "cable"),
    ):
        monkeypatch.setattr(socket, "create_connection", Mock(side_effect=error))
        check = faulty(settings, 8883)
        assert found in check.found
        assert advice in check.advice


@dataclass(frozen=True)
class TlsServer:
    """A server that does nothing but the handshake, with whatever certificate it is given."""

    folder: Path
    authority: Authority

    @property
    def ca(self) -> Path:
        file = self.folder / "ca.pem"
        file.write_text(self.authority.pem)
        return file

    @contextmanager
    def serving(self, certificate: bytes, key: bytes) -> Iterator[int]:
        """Give the port of a server that shows `certificate` to the first who comes."""
        (self.folder / "server.pem").write_bytes(certificate + key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "server.pem")
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(60)
            thread = threading.Thread(target=self._greet, args=(server, context))
            thread.start()
            yield server.getsockname()[1]
            thread.join()

    @staticmethod
    def _greet(server: socket.socket, context: ssl.SSLContext) -> None:
        connection, _ = server.accept()
        with connection, suppress(OSError):
            context.wrap_socket(connection, server_side=True).close()


@pytest.fixture(scope="module")
def authority() -> Authority:
    return new_authority()


@pytest.fixture
def server(tmp_path: Path, authority: Authority) -> TlsServer:
    return TlsServer(tmp_path, authority)


@pytest.mark.parametrize(
    ("days", "address", "found"),
    [
        ((-365, -1), "127.0.0.1", "has expired"),
        ((1, 365), "127.0.0.1", "is not valid yet by this box's clock, which no time server has set"),
        ((-365, 365), "127.0.0.2", "is of another name"),
    ],
    ids=["expired", "clock", "name"],
)
def test_a_certificate_that_cannot_be_taken(
    settings: Settings, server: TlsServer, days: tuple[int, int], address: str, found: str
) -> None:
    since, until = (datetime.now(UTC) + timedelta(days=count) for count in days)
    key = new_key()
    with server.serving(server.authority.sign_server(key, address, since, until), key) as port:
        assert found in faulty(settings, port, ca=server.ca).found


@pytest.mark.parametrize("name", ["authority", "stranger"])
def test_an_authority_that_is_not_trusted(settings: Settings, server: TlsServer, name: str) -> None:
    now, key, year = datetime.now(UTC), new_key(), timedelta(days=365)
    certificate = new_authority(name).sign_server(key, "127.0.0.1", now - year, now + year)
    with server.serving(certificate, key) as port:
        check = faulty(settings, port, ca=server.ca)
    assert "not signed by an authority that this box trusts" in check.found
    assert "mqtt.tls.ca" in check.advice


def test_a_broker_without_tls_on_that_port(
    settings: Settings, server: TlsServer, mosquitto: Mosquitto
) -> None:
    check = faulty(settings, mosquitto.port, ca=server.ca)
    assert "breaks off the TLS handshake" in check.found


def test_a_broker_that_asks_for_a_certificate(
    settings: Settings, certificates: Certificates, mosquitto_broker: Callable[[str], Mosquitto]
) -> None:
    strict = mosquitto_broker(
        f"cafile {certificates.ca}\ncertfile {certificates.broker_cert}\nkeyfile {certificates.broker_key}\n"
        "require_certificate true\nuse_identity_as_username true"
    )
    check = faulty(settings, strict.port, ca=certificates.ca)
    assert "asks for a certificate of this box" in check.advice


def test_a_broker_that_does_not_know_the_password(
    settings: Settings, mosquitto_broker: Callable[[str], Mosquitto]
) -> None:
    check = faulty(settings, mosquitto_broker("allow_anonymous false").port)
    assert "password" in check.advice
