"""Central's side: takes every message, as a subscriber with a session that lasts."""

import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from appliance.readings.reading import Reading


@dataclass
class Received:
    """What arrived: readings by id, how often each, the order of first arrival, health with its moments."""

    readings: dict[UUID, Reading] = field(default_factory=dict)
    times: Counter[UUID] = field(default_factory=Counter)
    invalid: list[str] = field(default_factory=list)
    health: list[tuple[float, dict[str, object]]] = field(default_factory=list)


class Subscriber:
    """Listens to one broker, and comes back whenever that does."""

    def __init__(self, port: int) -> None:
        self.received = Received()
        self._lock = threading.Lock()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, "soak-central", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe("janban/v1/#", qos=1)
        self._client.on_message = self._take
        lasting = Properties(PacketTypes.CONNECT)
        lasting.SessionExpiryInterval = 86_400
        self._client.connect("127.0.0.1", port, clean_start=False, properties=lasting)
        self._client.loop_start()

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    def health_since(self, at_s: float) -> list[tuple[float, dict[str, object]]]:
        """Return the health messages after a moment (monotonic), each with its own."""
        with self._lock:
            return [told for told in self.received.health if told[0] >= at_s]

    def _take(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        with self._lock:
            kind = message.topic.rpartition("/")[2]
            try:
                if kind == "reading":
                    reading = Reading.from_json(bytes(message.payload))
                    self.received.readings.setdefault(reading.id, reading)
                    self.received.times[reading.id] += 1
                elif kind == "health":
                    self.received.health.append((time.monotonic(), json.loads(message.payload)))
            except ValueError as error:
                self.received.invalid.append(f"{message.topic}: {error}")
