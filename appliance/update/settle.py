"""After each start: what became of an update, and what is due."""

import logging
from collections.abc import Callable

from appliance.errors import JanbanError, UpdateError
from appliance.update.bootloader import Bootloader
from appliance.update.machine import Machine
from appliance.update.trial import Verdict

_log = logging.getLogger(__name__)


def settle(bootloader: Bootloader, machine: Machine, verdict: Callable[[], Verdict]) -> str:
    """Do what is due, and say in a line what that was.

    A slot on trial is kept or left by `verdict`, which is not asked otherwise. Raises `UpdateError`.
    """
    state, current = bootloader.load(), bootloader.current()
    if current != state.default:
        return _judge(bootloader, machine, verdict)
    bootloader.save(state)
    if state.trial == "wanted":
        begin(bootloader, machine)
        return f"restarting into slot {state.spare}, on trial"
    if state.trial == "begun":
        bootloader.save(state.marked(state.spare, good=False, current=current))
        return f"slot {state.spare} did not come up, or was cut off, on its trial; slot {current} goes on"
    return f"slot {current} runs, nothing is due"


def begin(bootloader: Bootloader, machine: Machine) -> None:
    """Restart into the spare slot, on trial; noted before, so that it happens once. Raises `UpdateError`."""
    bootloader.save(bootloader.load().begun())
    machine.reboot("0 tryboot")


def _judge(bootloader: Bootloader, machine: Machine, verdict: Callable[[], Verdict]) -> str:
    current = bootloader.current()
    try:
        found = verdict()
    except (JanbanError, OSError) as error:
        # Whatever keeps a system on trial from being judged is an answer, too.
        found = Verdict(stays=False, why=str(error))
    state = bootloader.load().marked(current, good=found.stays, current=current)
    if found.stays:
        bootloader.save(state)
        return f"slot {current} stays: {found.why}"
    try:
        bootloader.save(state)
    except UpdateError as error:
        _log.error("%s", error)
    machine.reboot(None)
    return f"slot {current} is given up: {found.why}; restarting into slot {state.default}"
