"""The gate: what becomes of a message, decided by what it says and by nothing that was before."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import ValidationError
from pydantic_core import to_json

from appliance.readings.model import Model
from appliance.remote.operators import Operator, Operators
from appliance.remote.request import (
    ARGUMENTS,
    LARGEST_ENVELOPE_BYTES,
    LONGEST_LIFE,
    Envelope,
    Request,
    faults_of,
)

_SKEW = timedelta(minutes=1)
"""How far the clocks of operator and box may be apart."""


@dataclass(frozen=True)
class Accepted:
    """A request by somebody who may ask for it; `digest` tells it from another one with its id.

    `stale` says why it is too late, or too early, to do it; what was done once may be told again at any time.
    """

    request: Request
    arguments: Model
    operator: str
    digest: str
    stale: str | None


@dataclass(frozen=True)
class Refused:
    """A message that asks for nothing that will be done.

    `why` is for the sender where an operator signed the message (`trusted`), else for the log alone.
    """

    why: str
    id: UUID | None = None
    trusted: bool = False


@dataclass(frozen=True)
class Gate:
    """Lets in what one of the operators signed for this box, and may ask for.

    `utc` is the time of day, `clock_synced` whether that can be trusted.
    """

    operators: Operators
    site: str
    device: str
    utc: Callable[[], datetime]
    clock_synced: Callable[[], bool]

    def judge(self, command: str, payload: bytes) -> Accepted | Refused:
        """Judge a message that came on the topic of `command`."""
        if len(payload) > LARGEST_ENVELOPE_BYTES:
            return Refused(f"{len(payload)} bytes are no command")
        try:
            envelope = Envelope.model_validate_json(payload, strict=True)
        except ValidationError:
            return Refused("is no envelope")
        operator = self.operators.who_signed(envelope)
        if operator is None:
            return Refused("no operator signed it")
        try:
            request = Request.model_validate_json(envelope.request, strict=True)
        except ValidationError as error:
            return Refused(f"the request is wrong: {faults_of(error)}", trusted=True)
        digest = hashlib.sha256(envelope.request.encode()).hexdigest()
        return self._judged(command, request, operator, digest)

    def _judged(self, command: str, request: Request, operator: Operator, digest: str) -> Accepted | Refused:
        if (request.site, request.device, request.command) != (self.site, self.device, command):
            return Refused("is signed for another box or command", request.id)
        if command not in operator.commands:
            return Refused(f"{operator.name} may not ask for it", request.id)
        try:
            # As JSON, in which a time may be text though types are strict.
            arguments = ARGUMENTS[command].model_validate_json(to_json(request.args), strict=True)
        except ValidationError as error:
            return Refused(f"the arguments are wrong: {faults_of(error)}", request.id, trusted=True)
        return Accepted(request, arguments, operator.name, digest, self._stale(request))

    def _stale(self, request: Request) -> str | None:
        if not self.clock_synced():
            return "the clock of this box is not set: it cannot tell whether the request is fresh"
        now = self.utc()
        if request.expires_at - request.issued_at > LONGEST_LIFE:
            return f"the request lives longer than {LONGEST_LIFE.seconds // 60} minutes"
        if request.issued_at > now + _SKEW:
            return "the request comes from the future; check the clock of whoever sent it"
        if request.expires_at <= now:
            return "the request has expired"
        return None
