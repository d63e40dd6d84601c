"""RAUC's custom bootloader backend for the Raspberry Pi's tryboot.

RAUC asks `get-primary`, `get-current` and `get-state SLOT`, and orders `set-primary SLOT` and `set-state SLOT
good|bad`: https://rauc.readthedocs.io/en/latest/integration.html#custom. To it, a slot that is to be tried is
the primary one; the firmware's default changes only when that slot is found good while it runs.
"""

import sys
from collections.abc import Sequence

from appliance.errors import UpdateError
from appliance.update.autoboot import Slot
from appliance.update.bootloader import Bootloader


def main(arguments: Sequence[str], bootloader: Bootloader | None = None) -> int:
    """Do what RAUC asks for; the status is 1, with a line on standard error, where that cannot be done."""
    try:
        answer = _answer(arguments, bootloader or Bootloader())
    except UpdateError as error:
        print(f"boot-backend: {error}", file=sys.stderr)
        return 1
    if answer is not None:
        print(answer)
    return 0


def _answer(arguments: Sequence[str], bootloader: Bootloader) -> str | None:
    match arguments:
        case ["get-primary"]:
            return bootloader.load().next
        case ["get-current"]:
            return bootloader.current()
        case ["get-state", "A" | "B" as slot]:
            return "good" if bootloader.load().is_good(slot) else "bad"
        case ["set-primary", "A" | "B" as slot]:
            bootloader.save(bootloader.load().wanting(slot))
        case ["set-state", "A" | "B" as slot, "good" | "bad" as word]:
            mark(bootloader, slot, good=word == "good")
        case _:
            raise UpdateError(f"{' '.join(arguments)!r} is nothing that RAUC asks for; slots are A and B")
    return None


def mark(bootloader: Bootloader, slot: Slot, *, good: bool) -> None:
    """Note that a slot was found good or bad; good, while it runs on trial, commits it."""
    state = bootloader.load()
    bootloader.save(state.marked(slot, good=good, current=bootloader.current()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
