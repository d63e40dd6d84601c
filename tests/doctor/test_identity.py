from datetime import timedelta
from pathlib import Path

import pytest

from appliance.config import Settings
from appliance.doctor.identity import identity, secrets
from appliance.provision.certificate import new_key, request
from appliance.publish.settings import TlsSettings
from tests.provision.authority import NOW, new_authority


def with_mqtt(settings: Settings, **changes: object) -> Settings:
    return settings.model_copy(update={"mqtt": settings.mqtt.model_copy(update=changes)})


@pytest.fixture(scope="module")
def certificate() -> bytes:
    """Return a certificate that is valid until a year from `NOW`."""
    return new_authority().sign(request(new_key(), site="a", device="b"), until=NOW + timedelta(days=365))


@pytest.mark.parametrize(
    ("days", "state", "found"),
    [
        (0, "ok", "certificate of CN=b,O=a, until 2027-06-01"),
        (334, "ok", "until"),
        (336, "warn", "in 29 days"),
        (366, "fail", "it has expired"),
        (-20_000, "warn", "not valid yet"),
    ],
)
def test_a_certificate_is_renewed_in_time(
    settings: Settings, certificate: bytes, days: int, state: str, found: str
) -> None:
    file = settings.device.state_dir.parent / "device.pem"
    file.write_bytes(certificate)
    check = identity(with_mqtt(settings, tls=TlsSettings(cert=file, key=file)), NOW + timedelta(days=days))
    assert (check.state, bool(check.advice)) == (state, state != "ok")
    assert found in check.found


def test_a_certificate_that_is_none(settings: Settings) -> None:
    gone = settings.device.state_dir / "device.pem"
    check = identity(with_mqtt(settings, tls=TlsSettings(cert=gone, key=gone)), NOW)
    assert check.state == "fail"
    assert str(gone) in check.found


def test_without_an_identity(settings: Settings) -> None:
    assert identity(settings, NOW).state == "ok"
    away = with_mqtt(settings, host="broker.example.org")
    assert "appliance provision" in identity(away, NOW).advice
    assert identity(with_mqtt(away, username="line-1"), NOW).state == "ok"


def test_a_request_that_waits_to_be_signed(settings: Settings) -> None:
    order = settings.device.state_dir / "identity/0123/order.toml"
    order.parent.mkdir(parents=True)
    order.touch()
    check = identity(settings, NOW)
    assert check.state == "warn"
    assert "sign a-b.csr" in check.advice


@pytest.mark.parametrize(
    ("mode", "state"),
    [(0o600, "ok"), (0o640, "ok"), (0o660, "warn"), (0o604, "fail"), (0o644, "fail")],
)
def test_secrets_are_the_services_alone(settings: Settings, tmp_path: Path, mode: int, state: str) -> None:
    file = tmp_path / "password"
    file.write_text("correct horse")
    file.chmod(mode)
    check = secrets(with_mqtt(settings, username="a", password_file=file))
    assert (check.state, bool(check.advice)) == (state, state != "ok")
    assert str(file) in check.found
    assert "correct" not in check.found + check.advice
    assert state == "ok" or "chmod 600" in check.advice


def test_a_secret_that_is_missing(settings: Settings, tmp_path: Path) -> None:
    tls = TlsSettings(cert=tmp_path / "cert", key=tmp_path / "key")
    assert secrets(with_mqtt(settings, tls=tls)).state == "fail"
    assert secrets(settings).found == "none"
