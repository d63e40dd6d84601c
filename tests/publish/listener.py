"""A subscriber that remembers everything."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

_PATIENCE_S = 30.0


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait until `condition` holds; fail after half a minute."""
    until = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < until, f"never happened: {what}"
        time.sleep(0.01)


class Listener:
    """Subscribes to everything below `janban/`, and goes on after the broker was away.

    Its session outlives its connections, so that nothing is missed that the broker has acknowledged.
    """

    def __init__(
        self, port: int, *, ca: Path | None = None, cert: Path | None = None, key: Path | None = None
    ) -> None:
        self.messages: list[mqtt.MQTTMessage] = []
        self._port = port
        self._subscribed = threading.Event()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, "listener", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.reconnect_delay_set(1, 1)
        if ca is not None:
            self._client.tls_set(str(ca), str(cert), str(key))
        self._client.on_connect = lambda client, *_: client.subscribe("janban/#", qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = lambda _client, _userdata, message: self.messages.append(message)

    def __enter__(self) -> Self:
        session = Properties(PacketTypes.CONNECT)
        session.SessionExpiryInterval = 3600
        # mosquitto 2.0.11 forgets, when it restarts, sessions that began with a clean start.
        self._client.connect("127.0.0.1", self._port, clean_start=False, properties=session)
        self._client.loop_start()
        assert self._subscribed.wait(_PATIENCE_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def on(self, kind: str) -> list[dict[str, Any]]:
        """Return what came on topics that end with `kind`."""
        return [
            json.loads(message.payload) for message in list(self.messages) if message.topic.endswith(kind)
        ]

    def readings(self) -> list[str]:
        """Return the ids of the readings, each where it came first."""
        return list(dict.fromkeys(reading["id"] for reading in self.on("/reading")))

    def statuses(self) -> list[str]:
        return [status["status"] for status in self.on("/status")]
