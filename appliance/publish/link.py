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

from appliance.clock import Clock, Deadline
from appliance.publish.endpoint import Endpoint

_log = logging.getLogger(__name__)

_VERSIONS = {"5": MQTTProtocolVersion.MQTTv5, "3.1.1": MQTTProtocolVersion.MQTTv311}
_CONNECT_TIMEOUT_S = 5.0
_ANSWER_TIMEOUT_S = 5.0
_RECEIVE_MAXIMUM = 65_535
_NOT_THIS_VERSION = {"Unsupported protocol version", "Protocol error", "Malformed packet"}


class LinkError(Exception):
    """The connection could not be made, or has ended; the message says why.

    `other_version` says that the broker did not understand, rather than did not want us.
    """

    def __init__(self, why: str, *, other_version: bool = False) -> None:
        super().__init__(why)
        self.other_version = other_version


@dataclass(frozen=True)
class Will:
    """What the broker tells subscribers, retained, once the box is lost for `delay_s` (MQTT 5) or at all."""

    topic: str
    payload: str
    delay_s: int


@dataclass(frozen=True)
class Caller:
    """Who connects: the client id, and its will if it has one."""

    client_id: str
    will: Will | None = None


@dataclass
class _Events:
    """What paho's callbacks left for the thread that drives the link."""

    answer: ReasonCode | None = None
    receive_maximum: int = _RECEIVE_MAXIMUM
    acknowledged: list[tuple[int, ReasonCode]] = field(default_factory=list)
    received: list[bytes] = field(default_factory=list)
    ended: str | None = None


class Link:
    """A connection driven by the one thread that owns it, through `pump`.

    No use is made of paho's thread, queue and reconnecting. Packet identifiers mean nothing on the next one,
    so each connection is a new paho client, and what was in flight ends with it: the store knows what to send
    again.
    """

    def __init__(self, endpoint: Endpoint, caller: Caller, version: str, clock: Clock) -> None:
        """Prepare a connection with `version` ("5" or "3.1.1") of MQTT."""
        self.version = version
        self._endpoint = endpoint
        self._caller = caller
        self._clock = clock
        self._events = _Events()
        self._client = self._prepared_client()

    @property
    def receive_maximum(self) -> int:
        """How many unacknowledged messages the broker takes at once."""
        return self._events.receive_maximum

    def open(self, wake: socket.socket | None = None, given_up: Callable[[], bool] = lambda: False) -> None:
        """Connect and wait for the broker's answer; raises `LinkError`.

        A byte on `wake` makes it ask `given_up`, so that stopping need not wait for a silent broker.
        """
        try:
            self._client.connect(
                self._endpoint.host,
                self._endpoint.port,
                self._endpoint.keepalive_s,
                **self._session(),
            )
        except (OSError, ValueError) as error:
            raise LinkError(f"{self._endpoint}: {error}") from error
        refusal = self._await_answer(wake, given_up)
        if refusal is not None:
            self.close()
            why, other_version = refusal
            raise LinkError(f"{self._endpoint}: {why}", other_version=other_version)

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
            raise LinkError(self._events.ended or mqtt.error_string(info.rc))
        return info.mid

    def subscribe(self, topic_filter: str) -> None:
        """Ask for messages with QoS 1, to be had from `take_received`."""
        code, _ = self._client.subscribe(topic_filter, qos=1)
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise LinkError(self._events.ended or mqtt.error_string(code))

    def pump(self, timeout_s: float, wake: socket.socket | None = None) -> None:
        """Wait up to `timeout_s` for traffic or a byte on `wake`, and handle it.

        Raises `LinkError` if the connection has ended before, so that what came last can still be taken.
        """
        if self._events.ended is not None:
            raise LinkError(self._events.ended)
        self._pump_until_ended(timeout_s, wake)

    def take_acknowledged(self) -> list[tuple[int, ReasonCode]]:
        """Return the packet identifiers acknowledged since the last call, with what the broker said."""
        taken, self._events.acknowledged = self._events.acknowledged, []
        return taken

    def take_received(self) -> list[bytes]:
        """Return the payloads that arrived since the last call."""
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

    def _await_answer(
        self, wake: socket.socket | None, given_up: Callable[[], bool]
    ) -> tuple[str, bool] | None:
        """Return None once the broker accepts, or why not and whether the other version may do."""
        deadline = Deadline.after(_ANSWER_TIMEOUT_S, self._clock)
        events = self._events
        while events.answer is None:
            if given_up():
                return "stopped", False
            if events.ended is not None:
                # A TLS alert is about certificates, whatever the version.
                return f"the broker hung up on CONNECT ({events.ended})", "_ALERT_" not in events.ended
            if deadline.passed:
                return "the broker does not answer CONNECT", True
            self._pump_until_ended(deadline.remaining_s, wake)
        if events.answer.is_failure:
            name = events.answer.getName()
            return f"the broker refused: {name}", name in _NOT_THIS_VERSION
        return None

    def _pump_until_ended(self, timeout_s: float, wake: socket.socket | None) -> None:
        sock = self._client.socket()
        if sock is None:
            self._events.ended = self._events.ended or "connection lost"
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
                self._client.loop_read()
            if sock in writable:
                self._client.loop_write()
            self._client.loop_misc()
        except (OSError, ValueError) as error:
            self._events.ended = str(error)

    def _prepared_client(self) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            self._caller.client_id,
            clean_session=None if self.version == "5" else True,
            protocol=_VERSIONS[self.version],
            reconnect_on_failure=False,
        )
        client.connect_timeout = _CONNECT_TIMEOUT_S
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
        return {"clean_start": self._caller.will is None, "properties": properties}

    def _on_connect(
        self, _c: object, _u: object, _f: object, reason: ReasonCode, properties: Properties | None
    ) -> None:
        self._events.answer = reason
        self._events.receive_maximum = getattr(properties, "ReceiveMaximum", _RECEIVE_MAXIMUM)

    def _on_disconnect(self, _c: object, _u: object, _f: object, reason: ReasonCode, _p: object) -> None:
        self._events.ended = self._events.ended or f"connection lost: {reason.getName()}"

    def _on_publish(self, _c: object, _u: object, mid: int, reason: ReasonCode, _p: object) -> None:
        self._events.acknowledged.append((mid, reason))

    def _on_subscribe(self, _c: object, _u: object, _m: int, reasons: list[ReasonCode], _p: object) -> None:
        refusals = [reason.getName() for reason in reasons if reason.is_failure]
        if refusals:
            self._events.ended = f"the broker refused the subscription: {refusals[0]}"

    def _on_log(self, _c: object, _u: object, level: int, text: str) -> None:
        """Keep the cause of a broken connection, which paho tells nobody else."""
        if level == mqtt.MQTT_LOG_ERR:
            self._events.ended = self._events.ended or text

    def _on_message(self, _c: object, _u: object, message: mqtt.MQTTMessage) -> None:
        self._events.received.append(bytes(message.payload))
