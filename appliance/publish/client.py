"""The publisher: empties the store's outbox into the broker."""

import contextlib
import logging
import socket
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from appliance.budget import Budget, DeadlineSettings
from appliance.clock import Clock, Deadline, SystemClock
from appliance.publish import payloads
from appliance.publish.delivery import Delivery
from appliance.publish.dial import dial
from appliance.publish.endpoint import Endpoint
from appliance.publish.link import Caller, Link, LinkError, Will
from appliance.publish.mailbox import Mailbox
from appliance.publish.outbox import Outbox
from appliance.publish.retry import Cause, Retry
from appliance.publish.settings import PublishSettings
from appliance.publish.topics import Topics
from appliance.readings.reading import Origin

_log = logging.getLogger(__name__)

_IDLE_S = 1.0
_LARGEST_PACKET_BYTES = 65_536
"""What a broker may send, told to it with CONNECT (MQTT 5): commands are far smaller."""
_STABLE_S = 10.0
"""A connection that lasted this long was a success; one cut off sooner must not reset the backoff."""
_BUDGET = Budget.of(DeadlineSettings())


@dataclass(frozen=True)
class PublisherState:
    """Whether the broker is there, since when (monotonic), by which version, and what went wrong last."""

    connected: bool
    since_s: float
    version: str | None = None
    fault: str | None = None


class Publisher:
    """Sends what is in the store, in order, from a thread of its own.

    A reading is marked as sent when the broker acknowledges it (PUBACK), never before, so that one may arrive
    twice but none is lost. Whoever stores or wakes never waits for the network.
    """

    def __init__(
        self,
        settings: PublishSettings,
        origin: Origin,
        store: Outbox,
        clock: Clock | None = None,
        *,
        clock_synced: Callable[[], bool] = lambda: True,
        budget: Budget = _BUDGET,
        mailbox: Mailbox | None = None,
    ) -> None:
        """Prepare; raises `PublishError` for certificates or password files that cannot work.

        `clock_synced` says whether the time of day can be trusted. Without a `mailbox` nothing is subscribed.
        """
        self._settings = settings
        self._origin = origin
        self._store = store
        self._clock = clock or SystemClock()
        self._endpoint = Endpoint.of(settings)
        self._mailbox = mailbox
        self._attempts: Counter[str] = Counter()
        self._topics = Topics(origin.site, origin.device)
        will = Will(self._topics.status, payloads.status("offline", origin.boot_id), settings.will_delay_s)
        largest = None if mailbox is None else _LARGEST_PACKET_BYTES
        self._caller = Caller(f"janban-{origin.site}-{origin.device}", will, largest)
        self._clock_synced = clock_synced
        self._budget = budget
        self._retry = Retry(settings.backoff_first_s, settings.retry_max_s, settings.backoff_max_s)
        self._state = PublisherState(connected=False, since_s=self._clock.monotonic_s())
        self._faults_told: set[str] = set()
        self.connects = 0
        """Connections since the start."""
        self.last_fault: str | None = None
        """What last ended a connection, or prevented it; it stays when the broker is back."""
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.settimeout(0)
        self._wake_writer.settimeout(0)
        self._messages = threading.Lock()
        self._health: str | None = None
        self._condition: payloads.Condition | None = None
        self._condition_told = False
        self._info: str | None = None
        self._info_told = False

    @property
    def state(self) -> PublisherState:
        """How the connection is; may be read from any thread."""
        return self._state

    def start(self) -> None:
        """Start connecting and publishing in the background."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="publish", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Say that a reading was stored; returns at once."""
        # A pipe that is full is awake already.
        with contextlib.suppress(OSError):
            self._wake_writer.send(b"\0")

    def send_health(self, fields: Mapping[str, object]) -> None:
        """Publish a health message if the broker is there; a newer one replaces one that still waits.

        Where it tells of another state than the one before, the retained status does so, too.
        """
        health, condition = payloads.to_json(fields), _condition(fields)
        with self._messages:
            self._health = health
            if condition != self._condition:
                self._condition, self._condition_told = condition, False
        self.wake()

    def set_info(self, fields: Mapping[str, object]) -> None:
        """Publish what the device is, retained, now and after every connect."""
        with self._messages:
            self._info, self._info_told = payloads.to_json(fields), False
        self.wake()

    def stop(self, timeout_s: float | None = None) -> None:
        """Wait for what is under way, say `offline`, disconnect; returns within `timeout_s` in any case.

        Not given, it is what the budget has for an attempt to connect or a farewell, whichever is under way.
        """
        if timeout_s is None:
            timeout_s = self._budget.broker_connect_s + self._budget.broker_farewell_s
        self._stopping.set()
        self.wake()
        if self._thread is not None:
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                _log.warning("the publisher did not stop within %.1f s", timeout_s)
                return
            self._thread = None
        self._wake_reader.close()
        self._wake_writer.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            connected_s: float | None = None
            cause = Cause.AWAY
            try:
                with contextlib.closing(self._connect()) as link:
                    connected_s = self._clock.monotonic_s()
                    self._serve(link)
            except LinkError as error:
                cause = self._note_end(error)
            except Exception as error:  # noqa: BLE001 - a thread that dies would end publishing in silence
                _log.exception("the publisher stumbled")
                self._note_fault(f"internal error: {error!r}")
                cause = Cause.REFUSED
            if connected_s is not None and self._clock.monotonic_s() - connected_s >= _STABLE_S:
                self._retry.reset()
            self._stopping.wait(self._retry.wait_s(cause))
        self._state = PublisherState(connected=False, since_s=self._clock.monotonic_s())

    def _connect(self) -> Link:
        link = dial(
            self._endpoint,
            self._caller,
            self._clock,
            wake=self._wake_reader,
            given_up=self._stopping.is_set,
            budget=self._budget,
        )
        self.connects += 1
        self._state = PublisherState(connected=True, since_s=self._clock.monotonic_s(), version=link.version)
        _log.info("connected to %s, MQTT %s", self._endpoint, link.version)
        return link

    def _serve(self, link: Link) -> None:
        """Deliver until the connection ends, with `LinkError`, or the publisher is stopped."""
        delivery = Delivery(
            link,
            self._store,
            self._origin,
            self._clock,
            self._settings.in_flight,
            self._settings.historical_after_s,
            self._budget.broker_silence_s,
            self._mailbox,
            self._attempts,
        )
        if self._mailbox is not None:
            link.subscribe(self._topics.commands, optional=True)
        with self._messages:
            self._condition_told = self._info_told = False
        while not self._stopping.is_set():
            self._tell(delivery)
            delivery.advance()
            link.pump(_IDLE_S, self._wake_reader)
            self._receive(link)
        delivery.part(Deadline.after(self._budget.broker_farewell_s, self._clock))
        link.disconnect()
        _log.info("disconnected from %s", self._endpoint)

    def _receive(self, link: Link) -> None:
        for message in link.take_received():
            name = self._topics.command_of(message.topic)
            if self._mailbox is not None and name is not None:
                self._mailbox.take(name, message.payload, retained=message.retained)

    def _tell(self, delivery: Delivery) -> None:
        with self._messages:
            health, self._health = self._health, None
            greeted, self._condition_told = self._condition_told, True
            condition = self._condition
            info = None if self._info_told else self._info
            self._info_told = True
        if not greeted:
            delivery.greet(condition)
        if info is not None:
            delivery.tell(info)
        if health is not None:
            delivery.report(health, self._settings.health_expiry_s)

    def _note_end(self, error: LinkError) -> Cause:
        """Tell why there is no connection, and return when to try again."""
        if error.cause is not Cause.EARLY or self._clock_synced():
            self._note_fault(str(error))
            return error.cause
        self._note_fault(
            f"{self._endpoint}: the clock is not set yet; waits for time sync: by this box's time the"
            " broker's certificate is not valid yet"
        )
        # Nobody has to mend this: the next attempt may come right after the clock was set.
        return Cause.AWAY

    def _note_fault(self, fault: str) -> None:
        """Tell each fault once between two connections: attempts are many, their faults may take turns."""
        self.last_fault = fault
        before = self._state
        if before.connected:
            self._faults_told.clear()
        since_s = self._clock.monotonic_s() if before.connected else before.since_s
        self._state = PublisherState(connected=False, since_s=since_s, fault=fault)
        if fault not in self._faults_told:
            self._faults_told.add(fault)
            _log.warning("%s; readings wait in the store", fault)


def _condition(health: Mapping[str, object]) -> payloads.Condition | None:
    """Return what a health message says of the box's state, None where it says nothing."""
    if "state" not in health:
        return None
    unable, degraded = health.get("unable"), health.get("degraded")
    reasons = [] if unable is None else [str(unable)]
    reasons += [str(reason) for reason in degraded if reason != unable] if isinstance(degraded, list) else []
    return payloads.Condition(str(health["state"]), tuple(reasons))
