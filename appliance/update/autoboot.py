"""`autoboot.txt`, by which the Raspberry Pi's firmware chooses a slot, and what the box notes in it.

One file says all there is to know, so that a single replacement changes everything at once. The firmware
starts the default slot or, once, after `reboot "0 tryboot"`, the other one, the spare:
https://www.raspberrypi.com/documentation/computers/config_txt.html#autoboot-txt. Our notes are a comment.
"""

import configparser
import re
from dataclasses import dataclass, replace
from typing import Final, Literal

from appliance.errors import UpdateError

Slot = Literal["A", "B"]
Trial = Literal["none", "wanted", "begun"]
"""Of the spare: none is due; one is, at the next opportunity; the box was restarted for it."""

PARTITIONS: Final[dict[Slot, int]] = {"A": 2, "B": 3}
"""Slot → number of its boot partition."""

_SLOTS: Final = {number: slot for slot, number in PARTITIONS.items()}
_NOTES: Final = re.compile(r"^# janban: spare=(good|bad) trial=(none|wanted|begun)$", re.MULTILINE)

MOST_BYTES: Final = 512
"""The firmware reads no more."""


def other(slot: Slot) -> Slot:
    """Return the other slot."""
    return "B" if slot == "A" else "A"


@dataclass(frozen=True)
class Autoboot:
    """Which slot is started, whether the spare one could be, and how far its trial is."""

    default: Slot
    spare_good: bool = False
    trial: Trial = "none"

    @property
    def spare(self) -> Slot:
        """The slot that is not the default one."""
        return other(self.default)

    @property
    def next(self) -> Slot:
        """The slot that is meant to run after the next restart."""
        return self.spare if self.trial == "wanted" else self.default

    def is_good(self, slot: Slot) -> bool:
        """Whether a slot holds a system that is whole, as far as is known; the default one always does."""
        return slot == self.default or self.spare_good

    def wanting(self, slot: Slot) -> "Autoboot":
        """Return the state in which a slot is to be started next: the spare one is only tried."""
        if slot == self.default:
            return replace(self, trial="none")
        return replace(self, spare_good=True, trial="wanted")

    def marked(self, slot: Slot, *, good: bool, current: Slot) -> "Autoboot":
        """Return the state after a slot was found good or bad while `current` runs.

        The spare one becomes the default if it is found good while it runs. Raises `UpdateError` where the
        default one is to be bad: it is what the box falls back to.
        """
        if slot == self.default:
            if not good:
                raise UpdateError(
                    f"slot {slot} is what the box falls back to; it stays good, and during a trial as it is"
                )
            return self
        if not good:
            return replace(self, spare_good=False, trial="none")
        if slot == current:
            return Autoboot(default=slot, spare_good=True)
        return replace(self, spare_good=True)

    def begun(self) -> "Autoboot":
        """Return the state in which the box is restarted for the trial; it is not tried twice."""
        return replace(self, trial="begun")

    def text(self) -> str:
        """Return the file's text."""
        return (
            f"# janban: spare={'good' if self.spare_good else 'bad'} trial={self.trial}\n"
            f"[all]\ntryboot_a_b=1\nboot_partition={PARTITIONS[self.default]}\n"
            f"[tryboot]\nboot_partition={PARTITIONS[self.spare]}\n"
        )


def parse(text: str) -> Autoboot:
    """Read the file's text; raises `ValueError` in words where the firmware's part of it is not ours.

    Without notes, as in a fresh image, the spare slot counts as empty.
    """
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    try:
        parser.read_string(text)
        switched = parser.get("all", "tryboot_a_b")
        default, spare = (parser.get(section, "boot_partition") for section in ("all", "tryboot"))
    except configparser.Error as error:
        raise ValueError(" ".join(str(error).split())) from None
    slots = [
        _SLOTS.get(int(word)) if word.isascii() and word.isdecimal() else None for word in (default, spare)
    ]
    if switched != "1" or slots[0] is None or slots[1] != other(slots[0]):
        raise ValueError(f"names the partitions {default} and {spare}, or does not switch between them")
    notes = _NOTES.search(text)
    if notes is None:
        return Autoboot(slots[0])
    trial: Trial = "none" if notes[2] == "none" else "wanted" if notes[2] == "wanted" else "begun"
    return Autoboot(slots[0], spare_good=notes[1] == "good", trial=trial)
