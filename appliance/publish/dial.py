"""Connecting with whichever version of MQTT the broker takes."""

import logging
import socket
from collections.abc import Callable

from appliance.budget import Budget, DeadlineSettings
from appliance.clock import Clock
from appliance.publish.endpoint import Endpoint
from appliance.publish.link import Caller, Link, LinkError

_log = logging.getLogger(__name__)

_BUDGET = Budget.of(DeadlineSettings())


def dial(
    endpoint: Endpoint,
    caller: Caller,
    clock: Clock,
    *,
    wake: socket.socket | None = None,
    given_up: Callable[[], bool] = lambda: False,
    budget: Budget = _BUDGET,
) -> Link:
    """Return an open connection; raises `LinkError` with the last attempt's reason.

    Every call tries the versions in their order, and the next one only where the broker did not understand:
    it says so, hangs up or stays silent. Nothing is remembered, so that a broker which learns MQTT 5 one day
    is spoken to in MQTT 5.
    """
    *first, last = endpoint.versions
    for version in first:
        link = Link(endpoint, caller, version, clock, budget)
        try:
            link.open(wake, given_up)
        except LinkError as error:
            if not error.other_version:
                raise
            _log.info("%s; trying MQTT %s", error, last)
        else:
            return link
    link = Link(endpoint, caller, last, clock, budget)
    link.open(wake, given_up)
    return link
