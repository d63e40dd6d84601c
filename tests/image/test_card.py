import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from tests.image.parts import IMAGE, shell

PARTS = "common settings card"
NAMES = ["bootcfg", "boot_a", "boot_b", "root_a", "root_b", "data"]


def test_the_partitions_are_those_that_updates_know() -> None:
    table = shell("partition_table", PARTS).stdout
    assert re.findall(r"name=(\w+)$", table, re.MULTILINE) == NAMES


def test_partitions_follow_each_other_and_the_image_has_room_for_them() -> None:
    table, total_mb = shell("partition_table", PARTS).stdout, int(shell("card_mb", PARTS).stdout)
    places = [(int(a), int(b)) for a, b in re.findall(r"start=(\d+), size=(\d+)", table)]
    assert places[0][0] == 4 * 2048
    assert all(a + size == b for (a, size), (b, _) in pairwise(places))
    assert sum(places[-1]) == (total_mb - 1) * 2048


def test_the_firmware_starts_the_slots_of_the_table() -> None:
    numbers = re.findall(r"boot_partition=(\d)", (IMAGE / "boot" / "autoboot.txt").read_text())
    assert [NAMES[int(number) - 1] for number in numbers] == ["boot_a", "boot_b"]


def test_the_kernel_is_told_the_root_partition_by_its_identity() -> None:
    uuid = shell("partition_uuid root_a", PARTS).stdout.strip()
    table = shell("partition_table", PARTS).stdout
    assert f"uuid={uuid}, name=root_a" in table
    assert "root=PARTUUID=@ROOT_PARTUUID@ rootfstype=ext4 ro " in (IMAGE / "boot" / "cmdline.txt").read_text()


@pytest.mark.skipif(shutil.which("sfdisk") is None, reason="sfdisk is not installed")
def test_sfdisk_takes_the_table(tmp_path: Path) -> None:
    card = tmp_path / "card.img"
    with card.open("wb") as file:
        file.truncate(int(shell("card_mb", PARTS).stdout) * 2**20)
    table = shell("partition_table", PARTS).stdout
    subprocess.run(("sfdisk", "--quiet", "--no-reread", card), input=table, text=True, check=True)
    found = subprocess.run(("sfdisk", "--dump", card), capture_output=True, text=True, check=True).stdout
    assert re.findall(r'name="(\w+)"', found) == NAMES


def test_the_example_of_the_boot_partition_is_of_this_site(tmp_path: Path) -> None:
    filled = shell(f"WORK='{tmp_path}'; fill_bootcfg", PARTS, {"SITE": "canteen-9"})
    assert filled.returncode == 0, filled.stderr
    example = (tmp_path / "bootcfg" / "provision-example.toml").read_bytes()
    assert b'\r\nsite = "canteen-9"\r\n' in example
    assert {file.name for file in (tmp_path / "bootcfg").iterdir()} == {
        *("autoboot.txt", "README.txt", "provision-example.toml")
    }


@pytest.mark.parametrize("kernels", [0, 2])
def test_there_is_exactly_one_kernel(tmp_path: Path, kernels: int) -> None:
    (tmp_path / "root/usr/lib/modules").mkdir(parents=True)
    for number in range(kernels):
        (tmp_path / f"root/usr/lib/modules/6.{number}").mkdir()
    refused = shell(f"shopt -s nullglob; WORK='{tmp_path}'; fill_boot", PARTS)
    assert refused.returncode == 1
    assert refused.stderr == f"image: the root file system has {kernels} kernels, and one is needed\n"
