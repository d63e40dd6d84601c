"""The broker's address and how to be let in, checked before the first attempt."""

import logging
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from appliance.errors import PublishError
from appliance.files import open_plain
from appliance.publish.settings import PublishSettings, TlsSettings
from appliance.secret_files import who_else_may

_log = logging.getLogger(__name__)

_LONGEST_PASSWORD = 65_535


@dataclass(frozen=True)
class Endpoint:
    """Where the broker is, with certificates and password loaded; the password stays out of `repr`."""

    host: str
    port: int
    keepalive_s: int
    versions: tuple[str, ...]
    tls: ssl.SSLContext | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, settings: PublishSettings) -> Self:
        """Load what the settings name; raises `PublishError` for files that are missing or do not fit."""
        return cls(
            host=settings.host,
            port=settings.port,
            keepalive_s=settings.keepalive_s,
            versions=("5", "3.1.1") if settings.protocol == "auto" else (settings.protocol,),
            tls=None if settings.tls is None else _tls(settings.tls),
            username=settings.username,
            password=None if settings.password_file is None else _password(settings.password_file),
        )

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def _tls(settings: TlsSettings) -> ssl.SSLContext:
    _readable(settings.ca, "ca")
    try:
        context = ssl.create_default_context(cafile=settings.ca)
    except (ssl.SSLError, ValueError) as error:
        raise PublishError(f"mqtt.tls.ca: {settings.ca}: holds no certificate (PEM): {error}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.cert is not None and settings.key is not None:
        _readable(settings.cert, "cert")
        _readable(settings.key, "key")
        try:
            _warn_if_open(settings.key)
            context.load_cert_chain(settings.cert, settings.key, password=_refuse_passphrase)
        except (ssl.SSLError, ValueError) as error:
            raise PublishError(_pair_fault(settings.cert, settings.key, error)) from error
    return context


def _refuse_passphrase() -> str:
    """Stand in for OpenSSL's question on the terminal, which nobody would answer."""
    raise ValueError("the key is encrypted")


def _pair_fault(cert: Path, key: Path, error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
        return f"mqtt.tls.key: {key}: is not the key of {cert}; use the two that belong together"
    if not isinstance(error, ssl.SSLError):
        return f"mqtt.tls.key: {key}: {error}; store it without a passphrase, readable by the service alone"
    return f"mqtt.tls.cert: {cert} and {key}: are no certificate and key (PEM): {error.reason or error}"


def _password(file: Path) -> str:
    _readable(file, "password_file", section="mqtt")
    _warn_if_open(file)
    try:
        with file.open(encoding="utf-8") as lines:
            password = lines.readline(_LONGEST_PASSWORD).rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise PublishError(
            f"mqtt.password_file: {file}: is not UTF-8 text; write the password there"
        ) from error
    if not password:
        raise PublishError(f"mqtt.password_file: {file}: is empty; write the password on its first line")
    return password


def _warn_if_open(secret: Path) -> None:
    """Say that others may read a secret; it serves all the same, as a box that is silent helps nobody."""
    if (others := who_else_may(secret)) is not None:
        _log.warning("%s: %s; chmod 600, chown janban", secret, others)


def _readable(file: Path | None, key: str, *, section: str = "mqtt.tls") -> None:
    if file is None:
        return
    try:
        open_plain(file).close()
    except OSError as error:
        raise PublishError(
            f"{section}.{key}: {file}: cannot be read: {error.strerror}; check its name, owner and mode"
        ) from error
