"""The image asks a Raspberry Pi's firmware for a trial boot: on an emulated Pi 3, whose mailbox is logged.

Emulators as old as bookworm have no Raspberry Pi 4. The interface is the same on all boards.
"""

import subprocess
import time
from pathlib import Path

import pytest

from tests.image.bench import CARD_MB, IMAGE, NEEDS_IMAGE
from tests.image.card import Card
from tests.image.firmware import asked_for_trial
from tests.image.parts import ROOT

_SYSTEMS = sorted((ROOT / "build/image/cache").glob("base-*.tar"))
"""Debian's part of an image: it has the device tree of a Pi 3, which the image has no use for."""
_BOOT_S = 900.0
_SET_REBOOT_FLAGS, _NOTIFY_REBOOT = "0x00038064", "0x00030048"

pytestmark = [
    *NEEDS_IMAGE,
    pytest.mark.skipif(not _SYSTEMS, reason="no cache of make image, which has the device tree"),
]


def restarted(folder: Path, argument: str) -> tuple[str, list[str]]:
    """Boot the image as far as basic.target, and restart; return what it said, and the mailbox's tags.

    Without the board's watchdog: the emulated one restarts the machine as soon as it is armed.
    """
    card = Card.of(IMAGE, folder, CARD_MB)
    tree = folder / "tree.dtb"
    unpacked = ("tar", "--to-stdout", "-xf", _SYSTEMS[-1], "--wildcards", "*/broadcom/bcm2837-rpi-3-b.dtb")
    tree.write_bytes(subprocess.run(unpacked, check=True, capture_output=True).stdout)
    kernel, initrd = (card.take("boot_a", name, folder / name) for name in ("vmlinuz", "initrd.img"))
    words = (
        card.text("boot_a", "cmdline.txt").strip(),
        "module_blacklist=bcm2835_wdt console=ttyS1,115200 systemd.run_success_action=none",
        f'systemd.run="/usr/bin/systemctl reboot {argument}"',
    )
    console, log = folder / "console.log", folder / "mailbox.log"
    command = (
        *("qemu-system-aarch64", "-M", "raspi3b", "-dtb", tree, "-kernel", kernel, "-initrd", initrd),
        *("-append", " ".join(words), "-drive", f"if=sd,file={card.file},format=raw,cache=unsafe"),
        *("-no-reboot", "-display", "none", "-monitor", "none", "-d", "unimp", "-D", log),
        *("-serial", "null", "-serial", f"file:{console}"),
    )
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        until_s = time.monotonic() + _BOOT_S
        # Without its watchdog the board cannot restart: the kernel halts.
        while process.poll() is None and time.monotonic() < until_s:
            if console.exists() and "Reboot failed" in console.read_text(errors="replace"):
                break
            time.sleep(1)
        process.kill()
    tags = [line.split()[-1] for line in log.read_text().splitlines() if "bcm2835_property" in line]
    card.file.unlink()
    return console.read_text(errors="replace"), tags


def test_the_firmware_is_told_of_a_trial_before_the_restart(tmp_path: Path) -> None:
    said, tags = restarted(tmp_path, "--reboot-argument=0\\x20tryboot")
    assert asked_for_trial(said), said[-2000:]
    assert tags[-2:] == [_SET_REBOOT_FLAGS, _NOTIFY_REBOOT]


def test_the_firmware_is_told_of_no_trial_before_another_restart(tmp_path: Path) -> None:
    said, tags = restarted(tmp_path, "")
    assert "reboot: Restarting system" in said, said[-2000:]
    assert tags[-1] == _NOTIFY_REBOOT
    assert _SET_REBOOT_FLAGS not in tags
