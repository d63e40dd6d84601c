"""What one connection delivers: birth, readings in order, and a farewell."""

import logging
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from appliance.budget import Budget, DeadlineSettings
from appliance.clock import Clock, Deadline
from appliance.errors import StoreError
from appliance.publish import payloads
from appliance.publish.link import Link, LinkError
from appliance.publish.mailbox import Mailbox
from appliance.publish.outbox import Outbox
from appliance.publish.retry import Cause
from appliance.publish.topics import Topics
from appliance.readings.reading import Origin

_log = logging.getLogger(__name__)

_NOBODY_LISTENS = 0x10
"""MQTT 5, section 3.4.2.1: accepted, but there are no matching subscribers."""

_RESULT_EXPIRY_S = 600
"""Who asked has long stopped waiting by then."""
_MOST_ATTEMPTS = 3
"""A result with which so many connections ended is why: a broker may tell how much it takes by hanging up."""

_HEADER_BYTES = 512
"""More than a packet has beside its payload: topic, identifier, properties."""

_BUDGET = Budget.of(DeadlineSettings())


@dataclass
class Delivery:
    """Moves readings from the store into one open connection; used by the thread that owns the connection.

    `window` bounds what waits for an acknowledgement, and so does the broker. Whatever is unacknowledged when
    the connection ends is still in the store, and is sent again on the next one. A broker that acknowledges
    nothing for `silence_s` while something waits is taken for gone.
    """

    link: Link
    store: Outbox
    origin: Origin
    clock: Clock
    window: int
    historical_after_s: float
    silence_s: float = _BUDGET.broker_silence_s
    mailbox: Mailbox | None = None
    attempts: Counter[str] = field(default_factory=Counter)
    """How often each result was published and not acknowledged; it goes from one connection to the next."""

    _beside: deque[tuple[str, str, int | None]] = field(default_factory=deque)
    _in_flight: dict[int, UUID | None] = field(default_factory=dict)
    _letters: dict[int, str] = field(default_factory=dict)
    _unmarked: list[UUID] = field(default_factory=list)
    _complaints: set[str] = field(default_factory=set)
    _unheard: bool = False
    _waiting_since_s: float | None = None

    def __post_init__(self) -> None:
        self.window = min(self.window, self.link.receive_maximum)
        self._topics = Topics(self.origin.site, self.origin.device)

    def greet(self, condition: payloads.Condition | None) -> None:
        """Publish the birth, retained, and again whenever the box's condition is another one."""
        self._publish_beside(self._topics.status, payloads.status("online", self.origin.boot_id, condition))

    def tell(self, info: str) -> None:
        """Publish what the device is, retained."""
        self._publish_beside(self._topics.info, info)

    def report(self, health: str, expiry_s: int) -> None:
        """Publish how the device is, retained for whoever comes later; a broker may forget it in time."""
        self._publish_beside(self._topics.health, health, expiry_s=expiry_s)

    def advance(self) -> None:
        """Mark what was acknowledged, and send what fits; raises `LinkError`.

        A store that cannot be read or written now is tried again at the next call.
        """
        self._attempt(self._settle)
        self._send_beside()
        self._answer()
        self._attempt(self._fill)
        self._check_silence()

    def part(self, deadline: Deadline) -> None:
        """Send what fits once more, then `offline`, and wait until `deadline` for it to be acknowledged.

        Raises `LinkError` where the broker takes it no more: it has the will for that.
        """
        self.advance()
        self._publish_beside(self._topics.status, payloads.status("offline", self.origin.boot_id))
        while self._in_flight and not deadline.passed:
            self.link.pump(deadline.remaining_s)
            self._attempt(self._settle)
            self._send_beside()
        if self._beside:
            raise LinkError("the farewell was not said: the broker acknowledges too little")

    def _attempt(self, step: Callable[[], None]) -> None:
        """Take a step, and log once what the store has against it."""
        try:
            step()
        except StoreError as error:
            if str(error) not in self._complaints:
                _log.error("%s", error)
            self._complaints.add(str(error))

    def _publish_beside(self, topic: str, payload: str, *, expiry_s: int | None = None) -> None:
        self._beside.append((topic, payload, expiry_s))
        self._send_beside()

    def _send_beside(self) -> None:
        """Send what is no reading as soon as the broker may be sent more; the window is for readings."""
        while self._beside and len(self._in_flight) < self.link.receive_maximum:
            topic, payload, expiry_s = self._beside.popleft()
            self._in_flight[self.link.publish(topic, payload, retain=True, expiry_s=expiry_s)] = None

    def _answer(self) -> None:
        """Tell the results of commands."""
        under_way = set(self._letters.values())
        for letter in self.mailbox.waiting() if self.mailbox else ():
            if letter.key in under_way or len(self._in_flight) >= self.window:
                continue
            too_large = len(letter.payload.encode()) + _HEADER_BYTES > self.link.largest_bytes
            if self.mailbox is not None and (too_large or self.attempts[letter.key] == _MOST_ATTEMPTS):
                del self.attempts[letter.key]
                self.mailbox.unwelcome(letter.key)
                continue
            self.attempts[letter.key] += 1
            topic = self._topics.result(letter.command)
            mid = self.link.publish(topic, letter.payload, expiry_s=_RESULT_EXPIRY_S)
            self._in_flight[mid], self._letters[mid] = None, letter.key

    def _check_silence(self) -> None:
        if not self._in_flight:
            self._waiting_since_s = None
            return
        now_s = self.clock.monotonic_s()
        if self._waiting_since_s is None:
            self._waiting_since_s = now_s
        elif now_s - self._waiting_since_s >= self.silence_s:
            raise LinkError(f"the broker acknowledged nothing for {self.silence_s:.0f} s")

    def _settle(self) -> None:
        acknowledged = self.link.take_acknowledged()
        if acknowledged:
            self._waiting_since_s = None
        for mid, answer in acknowledged:
            reading = self._in_flight.pop(mid, None)
            letter = self._letters.pop(mid, None)
            if letter is not None and self.mailbox is not None:
                del self.attempts[letter]
                self.mailbox.told(letter)
            if reading is None:
                if answer.is_failure:
                    _log.warning("the broker refused a message of this device: %s", answer.getName())
                continue
            if answer.is_failure:
                raise LinkError(
                    f"the broker refused a reading: {answer.getName()}; check its access rules",
                    cause=Cause.REFUSED,
                )
            self._unmarked.append(reading)
            if answer.value == _NOBODY_LISTENS and not self._unheard:
                self._unheard = True
                _log.warning("nobody subscribes to this device's readings: the broker throws them away")
        if self._unmarked:
            self.store.mark_sent(self._unmarked)
            self._unmarked.clear()

    def _fill(self) -> None:
        if len(self._in_flight) >= self.window:
            return
        # What is acknowledged but not marked is still in the outbox of a store that takes no writes.
        under_way = {*self._in_flight.values(), *self._unmarked}
        now_s = self.clock.monotonic_s()
        for waiting in self.store.pending(self.window + len(self._unmarked)):
            if waiting.id in under_way:
                continue
            late = waiting.historical(self.origin.boot_id, now_s, self.historical_after_s)
            payload = waiting.late_payload() if late else waiting.payload
            self._in_flight[self.link.publish(self._topics.reading, payload)] = waiting.id
            if len(self._in_flight) >= self.window:
                return
