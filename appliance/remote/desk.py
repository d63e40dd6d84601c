"""The desk: takes what the gate lets in, has it done one by one in a thread of its own, and answers."""

import contextlib
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from pydantic import JsonValue

from appliance.bucket import TokenBucket
from appliance.clock import Clock, Deadline
from appliance.errors import CommandError
from appliance.publish.mailbox import Letter
from appliance.readings.model import Model
from appliance.remote.gate import Accepted, Gate, Refused
from appliance.remote.journal import Entry, Journal
from appliance.remote.request import Attachment, Request, Result, Status

_log = logging.getLogger(__name__)

_QUEUE = 4
_REFUSALS = 8
_REFUSAL_EVERY_S = 10.0
"""Strangers get so many answers at once, and then one in this time: no more than a line of log is theirs.

So do those who ask for what is done already: to tell it again costs the card a write.
"""
_NOT_AUTHORISED = "not authorised"
_TOO_LARGE = "what belongs to it is too large for the broker"


@dataclass(frozen=True)
class Answer:
    """What a command came to; `then` is done once the answer is written down, as what ends the process."""

    detail: str
    data: Mapping[str, JsonValue] = field(default_factory=dict)
    attachment: Attachment | None = None
    then: Callable[[], None] | None = None


@dataclass(frozen=True)
class Command:
    """What can be asked for: `handle(arguments, deadline)` does it, or raises `CommandError` saying why not.

    It has `longest_s` seconds; `restarts` says that the service is restarted for it.
    """

    handle: Callable[[Any, Deadline], Answer]
    longest_s: float
    restarts: bool = False


class Desk:
    """A `Mailbox`: what comes is checked and written down here, and done by the thread that `start` starts.

    `most_restarts` is how many commands that restart the service may be done within `restarts_within`:
    systemd takes too many restarts for a fault of the machine.
    """

    def __init__(
        self,
        gate: Gate,
        journal: Journal,
        commands: Mapping[str, Command],
        clock: Clock,
        *,
        most_restarts: int = 3,
        restarts_within: timedelta = timedelta(minutes=20),
    ) -> None:
        self._gate = gate
        self._journal = journal
        self._commands = commands
        self._clock = clock
        self._most_restarts = most_restarts
        self._restarts_within = restarts_within
        self._wake: Callable[[], None] = lambda: None
        self._jobs: queue.Queue[Accepted | None] = queue.Queue(_QUEUE)
        self._running: tuple[Request, Deadline] | None = None
        self._fleeting: deque[Letter] = deque(maxlen=_REFUSALS)
        self._strangers = self._allowance()
        self._repeats = self._allowance()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, wake: Callable[[], None]) -> None:
        """Begin; `wake` is called when there is something to tell.

        Without a journal, as on a disk that is broken, every command fails, and says so.
        """
        self._wake = wake
        try:
            self._journal.open(self._interrupted, self._gate.utc())
        except CommandError as error:
            _log.error("no commands are taken: %s", error)
        self._start_work()

    def _start_work(self) -> None:
        self._thread = threading.Thread(target=self._work, name="commands", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Begin nothing more, and wait for what is being done; its handler has to know that it should end."""
        self._stopping.set()
        # Whoever finds the queue full is at work, and looks up after that.
        with contextlib.suppress(queue.Full):
            self._jobs.put_nowait(None)
        if self._thread is not None:
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                _log.warning("a command did not end within %.0f s", timeout_s)

    def close(self) -> None:
        """Close the journal, once nothing more is told."""
        self._journal.close()

    def take(self, command: str, payload: bytes, *, retained: bool) -> None:
        """Take a message; whatever is in it, this returns soon and raises nothing."""
        if command not in self._commands:
            return
        if retained:
            # It would come again at each connect.
            if self._strangers.take(self._clock.monotonic_s()):
                _log.warning("a retained %s command is ignored; publish it without `retain`", command)
            return
        judged = self._gate.judge(command, payload)
        if isinstance(judged, Refused):
            self._refuse(command, judged)
            return
        try:
            self._accept(command, judged)
        except CommandError as error:
            _log.error("%s", error)
            self._tell_fleeting(judged.request.id, command, "failed", str(error))

    def waiting(self) -> list[Letter]:
        """Return the results that are still to be told; takes note of a command that overran, too."""
        self._cut_off()
        letters = list(self._fleeting)
        try:
            letters += [
                Letter(str(entry.id), entry.command, entry.result or "")
                for entry in self._journal.waiting(self._gate.utc())
            ]
        except CommandError as error:
            _log.debug("%s", error)
        return letters

    def told(self, key: str) -> None:
        """Note that a result has been told."""
        for letter in list(self._fleeting):
            if letter.key == key:
                self._fleeting.remove(letter)
                return
        try:
            self._journal.told(UUID(key))
        except CommandError as error:
            _log.debug("%s", error)

    def unwelcome(self, key: str) -> None:
        """Tell a result without what is attached to it; one without is not told at all."""
        try:
            known = self._journal.find(UUID(key))
            result = None if known is None else Result.model_validate_json(known.result or "")
            if result is not None and result.attachment is not None:
                detail = _line(f"{_TOO_LARGE}; {result.detail}")
                short = result.model_copy(update={"detail": detail, "attachment": None})
                self._journal.shorten(UUID(key), short.model_dump_json())
                return
        except (CommandError, ValueError) as error:
            _log.debug("%s", error)
        _log.warning("a result is not told: the broker does not take it")
        self.told(key)

    def _allowance(self) -> TokenBucket:
        return TokenBucket(_REFUSALS, 1 / _REFUSAL_EVERY_S, self._clock.monotonic_s())

    def _refuse(self, command: str, refused: Refused) -> None:
        if not refused.trusted and not self._strangers.take(self._clock.monotonic_s()):
            return
        _log.warning("a %s command is refused: %s", command, refused.why)
        detail = refused.why if refused.trusted else _NOT_AUTHORISED
        self._tell_fleeting(refused.id, command, "refused", detail)

    def _accept(self, command: str, accepted: Accepted) -> None:
        request = accepted.request
        known = self._journal.find(request.id)
        if known is not None and known.digest == accepted.digest:
            # Anybody can send again what an operator signed once.
            if self._repeats.take(self._clock.monotonic_s()):
                self._journal.tell_again(request.id, self._gate.utc())
                self._wake()
            return
        why = accepted.stale
        if known is not None:
            why = "its id was another request's"
        elif why is None and self._journal.may_be_forgotten(request.expires_at):
            why = "it may have been done before: the clock of this box went back"
        elif why is None:
            why = self._too_much(command)
        if why is not None:
            self._refuse(command, Refused(why, request.id, trusted=True))
            return
        entry = Entry(request.id, command, accepted.digest, None)
        if not self._journal.begin(entry, self._gate.utc(), request.expires_at):
            self._refuse(command, Refused("too many commands in a short time", request.id, trusted=True))
            return
        _log.info("%s asks for %s, request %s", accepted.operator, command, request.id)
        self._jobs.put_nowait(accepted)

    def _too_much(self, command: str) -> str | None:
        if self._jobs.full():
            return "busy with other commands"
        if self._commands[command].restarts:
            restarting = frozenset(name for name, one in self._commands.items() if one.restarts)
            since = self._gate.utc() - self._restarts_within
            if self._journal.count_since(restarting, since) >= self._most_restarts:
                return "restarted often enough of late; wait 20 minutes"
        return None

    def _work(self) -> None:
        # Where another one has taken over, because a command did not end, this is no more than its end.
        while not self._stopping.is_set() and self._thread is threading.current_thread():
            accepted = self._jobs.get()
            if accepted is not None:
                self._do(accepted.request, accepted.arguments)

    def _do(self, request: Request, arguments: Model) -> None:
        command = self._commands[request.command]
        deadline = Deadline.after(command.longest_s, self._clock)
        then: Callable[[], None] | None = None
        self._running = running = request, deadline
        try:
            if request.expires_at <= self._gate.utc():
                answer = Answer("it expired while it waited")
                result = self._result(request.id, request.command, "refused", answer)
            else:
                answer = command.handle(arguments, deadline)
                then = answer.then
                result = self._result(request.id, request.command, "done", answer)
        except CommandError as error:
            result = self._result(request.id, request.command, "failed", Answer(str(error)))
        except Exception as error:  # noqa: BLE001 - a fault in one command must not end the others
            _log.exception("a %s command stumbled", request.command)
            answer = Answer(f"internal error: {type(error).__name__}")
            result = self._result(request.id, request.command, "failed", answer)
        finally:
            if self._running is running:
                self._running = None
        self._finish(request.id, result, then)

    def _cut_off(self) -> None:
        """Answer for a command that does not end, and go on without its thread.

        What it may still come to is not told, and has no consequence.
        """
        running = self._running
        if running is not None and running[1].passed and not self._stopping.is_set():
            self._running = None
            self._start_work()
            request = running[0]
            answer = Answer("it did not end in time")
            result = self._result(request.id, request.command, "failed", answer)
            self._finish(request.id, result, None)

    def _finish(self, request_id: UUID, result: Result, then: Callable[[], None] | None) -> None:
        try:
            if not self._journal.finish(request_id, result.model_dump_json(), result.at):
                return
        except CommandError as error:
            _log.error("the result of a command cannot be kept: %s", error)
            self._fleeting.append(Letter(str(uuid4()), result.command, result.model_dump_json()))
        _log.info("request %s is %s: %s", request_id, result.status, result.detail)
        self._wake()
        if then is not None:
            then()

    def _tell_fleeting(self, request_id: UUID | None, command: str, status: Status, detail: str) -> None:
        """Tell what need not survive a restart."""
        result = self._result(request_id, command, status, Answer(detail))
        self._fleeting.append(Letter(str(uuid4()), command, result.model_dump_json()))
        self._wake()

    def _interrupted(self, entry: Entry) -> str:
        answer = Answer("the box went down before it was done; look how it is before you ask again")
        return self._result(entry.id, entry.command, "interrupted", answer).model_dump_json()

    def _result(self, request_id: UUID | None, command: str, status: Status, answer: Answer) -> Result:
        return Result(
            id=request_id,
            site=self._gate.site,
            device=self._gate.device,
            command=command,
            status=status,
            detail=_line(answer.detail),
            at=self._gate.utc(),
            data=dict(answer.data),
            attachment=answer.attachment,
        )


def _line(text: str) -> str:
    """Return `text` as one line that a result can carry."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(shown.split())[:200] or "no more is known"
