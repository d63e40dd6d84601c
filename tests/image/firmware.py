"""What the firmware of a Raspberry Pi does, and an emulated machine lacks: it chooses the slot to start."""

import re

from tests.image.card import Card
from tests.update.boxes import firmware

_RESTART = re.compile(r"reboot: Restarting system(?: with command '(.*)')?")


def asked_for_trial(console: str) -> bool:
    """Whether a machine that restarted wants the firmware to start the other slot, this once.

    The firmware is told by the argument of reboot(2). The emulated machine has no place for it, but the
    kernel says on the console what it would hand on.
    """
    return _RESTART.findall(console)[-1:] == ["0 tryboot"]


def boot_partition(card: Card, *, tryboot: bool) -> str:
    """Return the partition from which the firmware takes kernel, initrd and command line."""
    return card.label(firmware(card.text("bootcfg", "autoboot.txt"), tryboot=tryboot))
