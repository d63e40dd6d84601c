"""A subscriber that prints readings as they arrive."""

import logging
import threading
from typing import TextIO
from uuid import UUID, uuid4

from pydantic_core import from_json

from appliance.clock import SystemClock
from appliance.errors import PublishError
from appliance.publish.dial import dial
from appliance.publish.endpoint import Endpoint
from appliance.publish.link import Caller, Link, LinkError
from appliance.publish.payloads import to_json
from appliance.publish.retry import Retry
from appliance.publish.settings import PublishSettings
from appliance.publish.topics import checked_name, readings_of
from appliance.publish.words import in_words
from appliance.readings.reading import Reading

_log = logging.getLogger(__name__)

_REMEMBERED = 10_000
_POLL_S = 0.2
_LONGEST_COMPLAINT = 200


def watch(
    settings: PublishSettings, site_filter: str, *, json: bool, out: TextIO, stop: threading.Event
) -> None:
    """Print the readings of one site, or with "+" of all, until `stop` is set.

    Each reading is printed once, however often it arrives: as a line of JSON, or as text for people. A
    connection that is lost is made again. Raises `PublishError` if the first one fails or the site's name is
    none, and whatever `out` raises, such as `BrokenPipeError`.
    """
    if site_filter != "+":
        try:
            checked_name(site_filter)
        except ValueError as error:
            raise PublishError(f"site: {error}") from error
    endpoint, clock = Endpoint.of(settings), SystemClock()
    caller = Caller(f"janban-watch-{uuid4().hex[:10]}")
    retry = Retry(settings.backoff_first_s, settings.retry_max_s, settings.backoff_max_s)
    printer = Printer(out, json=json)
    connected_before = False
    while not stop.is_set():
        try:
            link = dial(endpoint, caller, clock, given_up=stop.is_set)
            connected_before = True
            retry.reset()
            _follow(link, readings_of(site_filter), printer, stop)
        except LinkError as error:
            if not connected_before and not stop.is_set():
                raise PublishError(f"{error}; check the broker and [mqtt] in the configuration") from error
            _log.warning("%s; connecting again", error)
            stop.wait(retry.wait_s(error.cause))


def _follow(link: Link, topic_filter: str, printer: "Printer", stop: threading.Event) -> None:
    """Print what one connection brings, until it ends with `LinkError` or `stop` is set."""
    try:
        link.subscribe(topic_filter)
        while not stop.is_set():
            link.pump(_POLL_S)
            for message in link.take_received():
                printer.take(message.payload)
        link.disconnect()
    finally:
        link.close()


class Printer:
    """Prints each reading once; it remembers the last 10,000."""

    def __init__(self, out: TextIO, *, json: bool) -> None:
        self._out = out
        self._json = json
        self._ascii_only = not _can_write("█░", out)
        self._seen: dict[UUID, None] = {}

    def take(self, payload: bytes) -> None:
        """Print a payload unless it came before; what is no reading is logged and dropped."""
        try:
            reading = Reading.from_json(payload)
            fields = from_json(payload, allow_inf_nan=False)
        except ValueError as error:
            _log.warning("not a reading: %s", " ".join(str(error).split())[:_LONGEST_COMPLAINT])
            return
        if reading.id in self._seen:
            return
        self._seen[reading.id] = None
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        # The fields as they came, so that those of a later version are not lost on the way.
        text = to_json(fields) if self._json else in_words(reading, ascii_only=self._ascii_only)
        print(text, file=self._out, flush=True)


def _can_write(text: str, out: TextIO) -> bool:
    try:
        text.encode(getattr(out, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
