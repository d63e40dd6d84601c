"""Who the box is to the broker, by which secrets, and whom it obeys."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509

from appliance.config import Settings
from appliance.doctor.broker import LOOPBACK
from appliance.doctor.check import Check
from appliance.provision.identity import waits_for_certificate
from appliance.secret_files import is_closed_to_service, who_else_may

_SOON: Final = timedelta(days=30)
_RENEW: Final = "sign its request again and put the .crt on the boot partition: docs/provisioning.md"


def identity(settings: Settings, now: datetime) -> Check:
    """Look whether the box can show who it is, and for how long."""
    mqtt, state = settings.mqtt, settings.device.state_dir
    if mqtt.tls is not None and mqtt.tls.cert is not None:
        return _certificate(mqtt.tls.cert, now)
    if waits_for_certificate(state):
        name = f"{settings.device.site}-{settings.device.name}"
        advice = f"sign {name}.csr of the boot partition, put {name}.crt beside it, and restart the box"
        return Check("identity", "warn", "waits for its certificate; readings are kept meanwhile", advice)
    if mqtt.username is not None:
        return Check("identity", "ok", f"user {mqtt.username}")
    if mqtt.host in LOOPBACK:
        return Check("identity", "ok", "none, for a broker on this machine")
    advice = "give it one: appliance provision, docs/provisioning.md"
    return Check("identity", "warn", "none: the broker cannot tell this box from a stranger", advice)


def _certificate(file: Path, now: datetime) -> Check:
    try:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ValueError):
        return Check("identity", "fail", f"{file} is no certificate that can be read", _RENEW)
    until = certificate.not_valid_after_utc
    found = f"certificate of {certificate.subject.rfc4514_string()}, until {until:%Y-%m-%d}"
    if until <= now:
        return Check("identity", "fail", f"{found}: it has expired", _RENEW)
    if until - now < _SOON:
        return Check("identity", "warn", f"{found}: in {(until - now).days} days", _RENEW)
    if certificate.not_valid_before_utc > now:
        return Check("identity", "warn", f"{found}, but not valid yet", "check the clock")
    return Check("identity", "ok", found)


def secrets(settings: Settings) -> Check:
    """Look whether the files with secrets are the service's alone."""
    files = list(_secret_files(settings))
    for file in files:
        try:
            others, closed = who_else_may(file), is_closed_to_service(file)
        except OSError as error:
            advice = "check its name and owner: chown janban, chmod 600"
            return Check("secrets", "fail", f"{file}: {error.strerror}", advice)
        if closed:
            found = f"{file}: the service may not read it"
            return Check("secrets", "fail", found, f"chown janban {file}; chmod 600 {file}")
        if others is not None:
            advice = f"chmod 600 {file}; chown janban {file}; if others use this machine, change the secret"
            return Check("secrets", "fail" if "everybody" in others else "warn", f"{file}: {others}", advice)
    if not files:
        return Check("secrets", "ok", "none")
    return Check("secrets", "ok", f"{', '.join(map(str, files))}: the service's alone")


def _secret_files(settings: Settings) -> Iterator[Path]:
    if settings.mqtt.password_file is not None:
        yield settings.mqtt.password_file
    if settings.mqtt.tls is not None and settings.mqtt.tls.key is not None:
        yield settings.mqtt.tls.key
