"""The operator's side: sign a request, send it, wait for its result."""

import contextlib
from collections.abc import Mapping
from datetime import timedelta
from typing import cast
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from appliance.clock import Clock, Deadline
from appliance.errors import CommandError
from appliance.publish.dial import dial
from appliance.publish.endpoint import Endpoint
from appliance.publish.link import Caller, Link, LinkError
from appliance.publish.retry import Cause, Retry
from appliance.publish.settings import PublishSettings
from appliance.publish.topics import Topics
from appliance.remote.request import (
    ARGUMENTS,
    LONGEST_LIFE,
    CommandName,
    Envelope,
    Request,
    Result,
    faults_of,
)
from appliance.remote.signature import sign

_POLL_S = 0.5


def make_request(
    topics: Topics, command: str, arguments: Mapping[str, str], life_s: float, clock: Clock
) -> Request:
    """Return a request with arguments as people write them; raises `CommandError` for what makes none."""
    if command not in ARGUMENTS:
        raise CommandError(f"{command}: no such command; there are {', '.join(ARGUMENTS)}")
    try:
        given = ARGUMENTS[command].model_validate_strings(dict(arguments))
    except ValidationError as error:
        raise CommandError(f"{command}: {faults_of(error)}") from None
    now = clock.utc()
    return Request(
        id=uuid4(),
        site=topics.site,
        device=topics.device,
        command=cast("CommandName", command),
        issued_at=now,
        expires_at=now + min(timedelta(seconds=life_s), LONGEST_LIFE),
        args=given.model_dump(mode="json", exclude_unset=True),
    )


def ask(
    settings: PublishSettings, request: Request, key: Ed25519PrivateKey, timeout_s: float, clock: Clock
) -> Result:
    """Send a request and return its result; raises `CommandError` where none came within `timeout_s`.

    Where the connection breaks, the same request is sent again: a box does it once, and tells its result
    again.
    """
    topics = Topics(request.site, request.device)
    deadline = Deadline.after(timeout_s, clock)
    envelope = sign(request, key)
    endpoint, caller = Endpoint.of(settings), Caller(f"janban-command-{uuid4().hex[:10]}")
    retry = Retry(settings.backoff_first_s, settings.retry_max_s, settings.backoff_max_s)
    outcome = "the command was not sent"
    while True:
        try:
            with contextlib.closing(dial(endpoint, caller, clock)) as link:
                outcome = "it is not known whether the command was done"
                result = _exchange(link, topics, request, envelope, deadline)
                link.disconnect()
                return result
        except LinkError as error:
            wait_s = retry.wait_s(error.cause)
            if error.cause is not Cause.AWAY or wait_s >= deadline.remaining_s:
                raise CommandError(f"{error}; {outcome}") from None
            clock.sleep_s(wait_s)


def _exchange(link: Link, topics: Topics, request: Request, envelope: Envelope, deadline: Deadline) -> Result:
    link.subscribe(topics.result(request.command))
    link.publish(topics.command(request.command), envelope.model_dump_json(), expiry_s=_life_s(request))
    while not deadline.passed:
        link.pump(min(_POLL_S, deadline.remaining_s))
        for message in link.take_received():
            try:
                result = Result.model_validate_json(message.payload, extra="ignore")
            except ValidationError:
                continue
            if result.id == request.id:
                return result
        for _, answer in link.take_acknowledged():
            if answer.is_failure:
                why = f"the broker refused the command: {answer.getName()}"
                raise LinkError(why, cause=Cause.REFUSED)
    raise CommandError(
        "no answer: the box is offline, takes no commands, or does not know this key; a box that comes back"
        " within the request's life still does it"
    )


def _life_s(request: Request) -> int:
    return max(1, round((request.expires_at - request.issued_at).total_seconds()))
