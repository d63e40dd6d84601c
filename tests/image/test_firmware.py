import re
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.update.autoboot import Autoboot
from tests.image.card import Card
from tests.image.firmware import asked_for_trial, boot_partition
from tests.image.parts import IMAGE, shell

LAST_WORDS = "[  812.114250] systemd-shutdown[1]: Rebooting.\r\n[  812.131871] reboot: Restarting system"
"""As an emulated box wrote them."""


@pytest.mark.parametrize(
    ("said", "trial"),
    [
        ("", False),
        (f"{LAST_WORDS}\r\n", False),
        (f"{LAST_WORDS} with command '0 tryboot'\r\n", True),
        (f"{LAST_WORDS} with command '0'\r\n", False),
        (f"{LAST_WORDS} with command '0 tryboot'\r\n{LAST_WORDS}\r\n", False),
        ("[   12.000000] systemd[1]: 0 tryboot\r\n", False),
    ],
)
def test_a_trial_is_asked_for_by_the_argument_of_the_last_restart(said: str, *, trial: bool) -> None:
    assert asked_for_trial(said) is trial


@pytest.fixture
def card(tmp_path: Path) -> Card:
    """A card with the partitions of the image, of which bootcfg alone has a file system."""
    for program in ("sfdisk", "mkfs.vfat", "mcopy"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    file = tmp_path / "card.img"
    with file.open("wb") as out:
        out.truncate(int(shell("card_mb", "common settings card").stdout) * 2**20)
    table = shell("partition_table", "common settings card").stdout
    subprocess.run(("sfdisk", "--quiet", "--no-reread", file), input=table, text=True, check=True)
    (start,) = re.findall(r"start=(\d+), .*name=bootcfg", table)
    fat = tmp_path / "bootcfg"
    subprocess.run(("mkfs.vfat", "-C", fat, str(16 * 1024)), check=True, capture_output=True)
    with file.open("r+b") as out:
        out.seek(int(start) * 512)
        out.write(fat.read_bytes())
    return Card(file)


def put(card: Card, text: str, folder: Path) -> None:
    (folder / "autoboot.txt").write_text(text)
    card.put("bootcfg", folder / "autoboot.txt", "autoboot.txt")


def test_a_fresh_card_starts_from_slot_a(card: Card, tmp_path: Path) -> None:
    put(card, (IMAGE / "boot/autoboot.txt").read_text(), tmp_path)
    assert boot_partition(card, tryboot=False) == "boot_a"


@pytest.mark.parametrize(
    ("default", "tryboot", "started"),
    [("A", False, "boot_a"), ("A", True, "boot_b"), ("B", False, "boot_b"), ("B", True, "boot_a")],
)
def test_the_slot_is_that_of_the_box_s_own_file(
    card: Card, tmp_path: Path, default: str, started: str, *, tryboot: bool
) -> None:
    put(card, Autoboot("A" if default == "A" else "B", spare_good=True, trial="begun").text(), tmp_path)
    assert boot_partition(card, tryboot=tryboot) == started
