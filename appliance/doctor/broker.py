"""Whether the broker can be reached and lets the box in; if not, at which step it fails and why."""

import contextlib
import errno
import socket
import ssl
from collections.abc import Iterator
from typing import Final

from appliance.clock import Clock
from appliance.config import Settings
from appliance.doctor.check import Check
from appliance.errors import JanbanError
from appliance.publish.dial import dial
from appliance.publish.endpoint import Endpoint
from appliance.publish.link import Caller, LinkError
from appliance.publish.settings import PublishSettings

LOOPBACK: Final = {"localhost", "127.0.0.1", "::1"}
"""What leaves no machine need not be encrypted."""

_STEP_S: Final = 5.0
_KEPT: Final = "readings are kept until it answers"

_UNTRUSTED: Final = {7, 18, 19, 20, 21}
"""OpenSSL's verify codes (x509_vfy.h): by another key of that name, self-signed, of an unknown issuer."""

_NOT_YET_VALID, _EXPIRED = 9, 10
_WRONG_NAMES: Final = {62, 64}
"""Host name, IP address."""

_NO_WAY: Final = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN}


class _Fault(Exception):  # noqa: N818 - it is an answer
    """What is wrong, and what to do."""

    def __init__(self, found: str, advice: str) -> None:
        super().__init__(found)
        self.found = found
        self.advice = advice


def broker(settings: Settings, clock: Clock, *, clock_set: bool = True) -> Check:
    """Connect to the broker as the service would, though under another client id, and without a will.

    `clock_set` says whether a time server has set the clock: certificates are judged by it.
    """
    mqtt, device = settings.mqtt, settings.device
    try:
        endpoint = Endpoint.of(mqtt)
        _approach(endpoint, clock_set=clock_set)
        link = dial(endpoint, Caller(f"janban-{device.site}-{device.name}-doctor"), clock)
    except JanbanError as error:
        return Check("broker", "fail", str(error), "correct [mqtt] in the configuration")
    except _Fault as fault:
        return Check("broker", "fail", fault.found, fault.advice)
    except LinkError as error:
        return Check("broker", "fail", str(error), _refused(str(error), nameless=_is_nameless(settings.mqtt)))
    link.close()
    found = f"{mqtt.host}:{mqtt.port}, MQTT {link.version}, {'TLS' if mqtt.tls else 'no TLS'}"
    if mqtt.tls is None and mqtt.host not in LOOPBACK:
        return Check("broker", "warn", found, "whoever is on the way can read and forge readings: [mqtt.tls]")
    return Check("broker", "ok", found)


def _approach(endpoint: Endpoint, *, clock_set: bool) -> None:
    """Go the way to the broker step by step: its name, its port, its certificate; raises `_Fault`."""
    with _at_step(endpoint):
        connection = socket.create_connection((endpoint.host, endpoint.port), timeout=_STEP_S)
    with connection, _at_handshake(endpoint, clock_set=clock_set):
        if endpoint.tls is not None:
            endpoint.tls.wrap_socket(connection, server_hostname=endpoint.host).close()


@contextlib.contextmanager
def _at_step(endpoint: Endpoint) -> Iterator[None]:
    try:
        yield
    except socket.gaierror as error:
        raise _Fault(
            f"the name {endpoint.host} has no address ({error.strerror})",
            f"check mqtt.host, the network cable and the name server; {_KEPT}",
        ) from error
    except ConnectionRefusedError as error:
        raise _Fault(
            f"{endpoint} refuses connections: the machine is there, but no broker on this port",
            f"start the broker, or correct mqtt.port; {_KEPT}",
        ) from error
    except TimeoutError as error:
        raise _Fault(
            f"{endpoint} does not answer within {_STEP_S:g} s",
            f"check that the broker's machine is on, and that no firewall drops this port; {_KEPT}",
        ) from error
    except OSError as error:
        way = (
            "check network cable and router" if error.errno in _NO_WAY else "check mqtt.host and the network"
        )
        raise _Fault(f"{endpoint} cannot be reached: {error.strerror or error}", f"{way}; {_KEPT}") from error


@contextlib.contextmanager
def _at_handshake(endpoint: Endpoint, *, clock_set: bool) -> Iterator[None]:
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise _certificate_fault(endpoint, error, clock_set=clock_set) from error
    except (OSError, ValueError) as error:
        said = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise _Fault(
            f"{endpoint} breaks off the TLS handshake: {said}",
            "check that the broker speaks TLS 1.2 or later on this port (8883 as a rule)",
        ) from error


def _certificate_fault(endpoint: Endpoint, error: ssl.SSLCertVerificationError, *, clock_set: bool) -> _Fault:
    code = error.verify_code
    whose = f"the certificate of {endpoint}"
    if code == _NOT_YET_VALID and not clock_set:
        return _Fault(
            f"{whose} is not valid yet by this box's clock, which no time server has set",
            f"check the network and systemd-timesyncd: with the right time it will do; {_KEPT}",
        )
    if code == _NOT_YET_VALID:
        return _Fault(f"{whose} is not valid yet", f"check the clocks of both machines; {_KEPT}")
    if code == _EXPIRED:
        return _Fault(f"{whose} has expired", f"renew it at the broker, and check this box's clock; {_KEPT}")
    if code in _WRONG_NAMES:
        return _Fault(
            f"{whose} is of another name: {error.verify_message}",
            "use as mqtt.host the name that the certificate has, or have it made for this one",
        )
    if code in _UNTRUSTED:
        return _Fault(
            f"{whose} is not signed by an authority that this box trusts: {error.verify_message}",
            "give the authority that signed it as mqtt.tls.ca; if that is right, somebody is in between",
        )
    return _Fault(f"{whose} is refused: {error.verify_message}", "have it made anew at the broker")


def _is_nameless(mqtt: PublishSettings) -> bool:
    """Whether the box shows no certificate where it could."""
    return mqtt.tls is not None and mqtt.tls.cert is None


def _refused(said: str, *, nameless: bool) -> str:
    """Return what to do about what a broker said once the connection stood.

    One that misses a certificate says so, or hangs up without a word, as mosquitto does.
    """
    upper = said.upper()
    if nameless and any(word in upper for word in ("CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE", "EOF")):
        return f"the broker asks for a certificate of this box: docs/provisioning.md; {_KEPT}"
    if "_ALERT_" in upper:
        return f"the broker does not accept this box's certificate: have it signed anew; {_KEPT}"
    if "NOT AUTHORIZED" in upper or "BAD USER NAME" in upper:
        return f"check mqtt.username, its password and the broker's access list; {_KEPT}"
    return f"check mqtt.host, the network and the broker's log; {_KEPT}"
