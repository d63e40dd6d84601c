"""One MQTT connection, from CONNECT to its end."""

import contextlib
import logging
import select
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from appliance.budget import Budget, DeadlineSettings
from appliance.clock import Clock, Deadline
from appliance.publish.endpoint import Endpoint
from appliance.publish.retry import Cause

_log = logging.getLogger(__name__)

_VERSIONS = {"5": MQTTProtocolVersion.MQTTv5, "3.1.1": MQTTProtocolVersion.MQTTv311}
_RECEIVE_MAXIMUM = 65_535
_LARGEST_PACKET_BYTES = 268_435_460
"""Where a broker says nothing else: MQTT 5, sections 3.2.2.3.3 and 1.5.5."""
_LARGEST_RECEIVED_BYTES = 4_000_000
"""Many times what a result with its attachment has; what is larger would only fill the memory."""
_PINGREQ = "Sending PINGREQ"
"""What paho writes to its log then."""
_NOT_THIS_VERSION = {"Unsupported protocol version", "Protocol error", "Malformed packet"}
_GOING_OR_COMING = {"Server unavailable", "Server shutting down", "Server busy", "Keep alive timeout"}
"""Reasons of a broker that is there again soon."""
_CERT_NOT_YET_VALID = 9
"""X509_V_ERR_CERT_NOT_YET_VALID of OpenSSL."""
_BUDGET = Budget.of(DeadlineSettings())


class LinkError(Exception):
    """The connection could not be made, or has ended; the message says why, `cause` when to try again.

    `other_version` says that the broker did not understand, rather than did not want us.
    """

    def __init__(self, why: str, *, cause: Cause = Cause.AWAY, other_version: bool = False) -> None:
        super().__init__(why)
        self.cause = cause
        self.other_version = other_version


@dataclass(frozen=True)
class Will:
    """What the broker tells subscribers, retained, once the box is lost for `delay_s` (MQTT 5) or at all."""

    topic: str
    payload: str
    delay_s: int


@dataclass(frozen=True)
class Caller:
    """Who connects: the client id, its will if it has one, and the largest packet it takes (MQTT 5)."""

    client_id: str
    will: Will | None = None
    largest_bytes: int | None = None


@dataclass(frozen=True)
class Received:
    """A message as it came; `retained` says that the broker had kept it for whoever subscribes."""

    topic: str
    payload: bytes
    retained: bool


@dataclass
class _Events:
    """What paho's callbacks left for the thread that drives the link."""

    answer: ReasonCode | None = None
    receive_maximum: int = _RECEIVE_MAXIMUM
    largest_bytes: int = _LARGEST_PACKET_BYTES
    acknowledged: list[tuple[int, ReasonCode]] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    optional: set[int] = field(default_factory=set)
    pinged_s: float | None = None
    ended: LinkError | None = None

    def end(self, why: str, cause: Cause = Cause.AWAY) -> None:
        """Note why the connection ended; what was noted first is nearest to the cause."""
        # What the broker has against this box's certificate comes as an alert of TLS, with TLS 1.3 late.
        self.ended = self.ended or LinkError(why, cause=Cause.REFUSED if "_ALERT_" in why else cause)


class Link:
    """A connection driven by the one thread that owns it, through `pump`.

    No use is made of paho's thread, queue and reconnecting. Packet identifiers mean nothing on the next one,
    so each connection is a new paho client, and what was in flight ends with it: the store knows what to send
    again.
    """

    def __init__(
        self, endpoint: Endpoint, caller: Caller, version: str, clock: Clock, budget: Budget = _BUDGET
    ) -> None:
        """Prepare a connection with `version` ("5" or "3.1.1") of MQTT."""
        self.version = version
        self._budget = budget
        self._endpoint = endpoint
        self._caller = caller
        self._clock = clock
        self._events = _Events()
        self._client = self._prepared_client()

    @property
    def receive_maximum(self) -> int:
        """How many unacknowledged messages the broker takes at once."""
        return self._events.receive_maximum

    @property
    def largest_bytes(self) -> int:
        """The largest packet that the broker takes, as far as it says (MQTT 5)."""
        return self._events.largest_bytes

    def open(self, wake: socket.socket | None = None, given_up: Callable[[], bool] = lambda: False) -> None:
        """Connect and wait for the broker's answer; raises `LinkError`.

        A byte on `wake` makes it ask `given_up`, so that stopping need not wait for a silent broker. The
        budget bounds the TCP handshake with each of the host's addresses, the TLS handshake, and the answer.
        How long the host's name is looked up for is up to the resolver: its options in resolv.conf, or in the
        variable RES_OPTIONS, which the systemd unit sets.
        """
        try:
            self._client.connect(
                self._endpoint.host,
                self._endpoint.port,
                self._endpoint.keepalive_s,
                **self._session(),
            )
        except (OSError, ValueError) as error:
            raise LinkError(f"{self._endpoint}: {error}", cause=_cause(error)) from error
        self._bound_silence()
        refusal = self._await_answer(wake, given_up)
        if refusal is not None:
            self.close()
            raise LinkError(
                f"{self._endpoint}: {refusal}", cause=refusal.cause, other_version=refusal.other_version
            )

    def publish(
        self, topic: str, payload: str, *, qos: int = 1, retain: bool = False, expiry_s: int | None = None
    ) -> int:
        """Send a message and return its packet identifier, to be found again in `take_acknowledged`."""
        properties = None
        if expiry_s is not None and self.version == "5":
            properties = Properties(PacketTypes.PUBLISH)
            properties.MessageExpiryInterval = expiry_s
        info = self._client.publish(topic, payload, qos, retain, properties)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise self._events.ended or LinkError(mqtt.error_string(info.rc))
        return info.mid

    def subscribe(self, topic_filter: str, *, optional: bool = False) -> None:
        """Ask for messages with QoS 1, to be had from `take_received`.

        A broker that refuses ends the connection, unless it can do without (`optional`).
        """
        code, mid = self._client.subscribe(topic_filter, qos=1)
        if optional and mid is not None:
            self._events.optional.add(mid)
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise self._events.ended or LinkError(mqtt.error_string(code))

    def pump(self, timeout_s: float, wake: socket.socket | None = None) -> None:
        """Wait up to `timeout_s` for traffic or a byte on `wake`, and handle it.

        Raises `LinkError` if the connection has ended before, so that what came last can still be taken.
        """
        if self._events.ended is not None:
            raise self._events.ended
        self._pump_until_ended(timeout_s, wake)

    def take_acknowledged(self) -> list[tuple[int, ReasonCode]]:
        """Return the packet identifiers acknowledged since the last call, with what the broker said."""
        taken, self._events.acknowledged = self._events.acknowledged, []
        return taken

    def take_received(self) -> list[Received]:
        """Return the messages that arrived since the last call."""
        taken, self._events.received = self._events.received, []
        return taken

    def disconnect(self) -> None:
        """Say DISCONNECT, which takes the will back."""
        self._client.disconnect()

    def close(self) -> None:
        """Close the socket; without `disconnect` first, the broker publishes the will. Safe to repeat."""
        sock = self._client.socket()
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.close()

    def _bound_silence(self) -> None:
        """Have the kernel give a line up on which nothing is acknowledged, as when a cable was pulled."""
        sock = self._client.socket()
        if isinstance(sock, socket.socket) and hasattr(socket, "TCP_USER_TIMEOUT"):
            with contextlib.suppress(OSError):
                sock.setsockopt(
                    socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(self._budget.broker_silence_s * 1000)
                )

    def _await_answer(self, wake: socket.socket | None, given_up: Callable[[], bool]) -> LinkError | None:
        """Return None once the broker accepts, or why not."""
        deadline = Deadline.after(self._budget.broker_answer_s, self._clock)
        events = self._events
        while events.answer is None:
            if given_up():
                return LinkError("stopped")
            if events.ended is not None:
                # What is wrong with a certificate is wrong in every version.
                cause = events.ended.cause
                return LinkError(
                    f"the broker hung up on CONNECT ({events.ended})",
                    cause=cause,
                    other_version=cause is Cause.AWAY,
                )
            if deadline.passed:
                return LinkError("the broker does not answer CONNECT", other_version=True)
            self._pump_until_ended(deadline.remaining_s, wake)
        if events.answer.is_failure:
            name = events.answer.getName()
            return LinkError(
                f"the broker refused: {name}",
                cause=Cause.AWAY if name in _GOING_OR_COMING else Cause.REFUSED,
                other_version=name in _NOT_THIS_VERSION,
            )
        return None

    def _pump_until_ended(self, timeout_s: float, wake: socket.socket | None) -> None:
        sock = self._client.socket()
        if sock is None:
            self._events.end("connection lost")
            return
        # What TLS has already decrypted does not make the socket readable.
        buffered = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        readers: list[Any] = [sock] if wake is None else [sock, wake]
        writers = [sock] if self._client.want_write() else []
        try:
            readable, writable, _ = select.select(readers, writers, [], 0 if buffered else timeout_s)
            if wake in readable and wake is not None:
                wake.recv(4096)
            if sock in readable or buffered:
                self._events.pinged_s = None
                self._client.loop_read()
                self._check_size()
            if sock in writable:
                self._client.loop_write()
            self._client.loop_misc()
            self._check_ping()
        except (OSError, ValueError) as error:
            self._events.end(str(error))

    def _check_size(self) -> None:
        """End a connection on which something huge begins: paho would take in 268 MB, whatever it is told."""
        if vars(self._client)["_in_packet"]["remaining_length"] > _LARGEST_RECEIVED_BYTES:
            self._events.end("the broker sends a packet that is too large")

    def _check_ping(self) -> None:
        """End a connection whose broker does not answer PINGREQ; paho would wait another keepalive for it."""
        pinged_s, silence_s = self._events.pinged_s, self._budget.broker_silence_s
        if pinged_s is not None and self._clock.monotonic_s() - pinged_s >= silence_s:
            self._events.end(f"the broker has not answered for {silence_s:.0f} s")

    def _prepared_client(self) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            self._caller.client_id,
            clean_session=None if self.version == "5" else True,
            protocol=_VERSIONS[self.version],
            reconnect_on_failure=False,
        )
        client.connect_timeout = self._budget.broker_connect_s
        client.max_inflight_messages_set(0)
        if self._endpoint.tls is not None:
            client.tls_set_context(self._endpoint.tls)
        if self._endpoint.username is not None:
            client.username_pw_set(self._endpoint.username, self._endpoint.password)
        will = self._caller.will
        if will is not None:
            properties = None
            if self.version == "5":
                properties = Properties(PacketTypes.WILLMESSAGE)
                properties.WillDelayInterval = will.delay_s
            client.will_set(will.topic, will.payload, qos=1, retain=True, properties=properties)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        client.on_log = self._on_log
        return client

    def _session(self) -> dict[str, Any]:
        """Return what MQTT 5 wants to know of the session.

        A will is delayed only while its session lasts, and taken back only by a connection that continues it:
        hence a session as long as the delay, and no clean start.
        """
        if self.version != "5":
            return {}
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = self._caller.will.delay_s if self._caller.will else 0
        if self._caller.largest_bytes is not None:
            properties.MaximumPacketSize = self._caller.largest_bytes
        return {"clean_start": self._caller.will is None, "properties": properties}

    def _on_connect(
        self, _c: object, _u: object, _f: object, reason: ReasonCode, properties: Properties | None
    ) -> None:
        self._events.answer = reason
        self._events.receive_maximum = getattr(properties, "ReceiveMaximum", _RECEIVE_MAXIMUM)
        self._events.largest_bytes = getattr(properties, "MaximumPacketSize", _LARGEST_PACKET_BYTES)

    def _on_disconnect(
        self, _c: object, _u: object, flags: mqtt.DisconnectFlags, reason: ReasonCode, _p: object
    ) -> None:
        name = reason.getName()
        sent_away = flags.is_disconnect_packet_from_server and name not in _GOING_OR_COMING
        self._events.end(f"connection lost: {name}", Cause.REFUSED if sent_away else Cause.AWAY)

    def _on_publish(self, _c: object, _u: object, mid: int, reason: ReasonCode, _p: object) -> None:
        self._events.acknowledged.append((mid, reason))

    def _on_subscribe(self, _c: object, _u: object, mid: int, reasons: list[ReasonCode], _p: object) -> None:
        refusals = [reason.getName() for reason in reasons if reason.is_failure]
        if refusals and mid in self._events.optional:
            _log.warning("the broker refused a subscription (%s); check its access rules", refusals[0])
        elif refusals:
            self._events.end(f"the broker refused the subscription: {refusals[0]}", Cause.REFUSED)

    def _on_log(self, _c: object, _u: object, level: int, text: str) -> None:
        """Keep the cause of a broken connection, and when a PINGREQ went out: paho tells nobody else."""
        if text == _PINGREQ:
            self._events.pinged_s = self._clock.monotonic_s()
        if level == mqtt.MQTT_LOG_ERR:
            self._events.end(text)

    def _on_message(self, _c: object, _u: object, message: mqtt.MQTTMessage) -> None:
        self._events.received.append(Received(message.topic, bytes(message.payload), message.retain))


def _cause(error: Exception) -> Cause:
    """Tell a broker that cannot be reached from one that is not to be trusted, or is none."""
    if isinstance(error, ssl.SSLCertVerificationError) and error.verify_code == _CERT_NOT_YET_VALID:
        return Cause.EARLY
    broken_off = isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError)
    if isinstance(error, ssl.SSLError | ValueError) and not broken_off:
        return Cause.REFUSED
    return Cause.AWAY
