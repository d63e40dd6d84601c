import os
import subprocess
from pathlib import Path

import pytest

from image.update.pack import HOOK
from tests.image.update.slots import CMDLINE


@pytest.fixture
def disks(tmp_path: Path) -> Path:
    """/dev/disk of a box."""
    folder = tmp_path / "disk"
    for kind in ("by-partlabel", "by-partuuid"):
        (folder / kind).mkdir(parents=True)
    for label, uuid in (("root_a", "aaaa-05"), ("root_b", "bbbb-06"), ("data", "dddd-07")):
        node = tmp_path / label
        node.touch()
        (folder / "by-partlabel" / label).symlink_to(node)
        (folder / "by-partuuid" / uuid).symlink_to(node)
    return folder


def call(disks: Path, cmdline: str | None, slot: str = "boot.1") -> tuple[int, str, str]:
    """Return status and complaint of the hook, and the command line that it leaves."""
    point = disks.parent / "mounted"
    point.mkdir()
    file = point / "cmdline.txt"
    if cmdline is not None:
        file.write_text(cmdline)
    environment = {
        "PATH": os.environ["PATH"],
        "JANBAN_DISKS": str(disks),
        "RAUC_SLOT_NAME": slot,
        "RAUC_SLOT_MOUNT_POINT": str(point),
    }
    ran = subprocess.run(
        [HOOK, "slot-post-install"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    left = sorted(path.name for path in point.iterdir())
    assert left == ([] if cmdline is None else ["cmdline.txt"]) or ran.returncode
    return ran.returncode, ran.stderr, file.read_text() if cmdline is not None else ""


@pytest.mark.parametrize(("slot", "name", "uuid"), [("boot.0", "A", "aaaa-05"), ("boot.1", "B", "bbbb-06")])
def test_the_kernel_is_told_the_slot_that_it_is_in(disks: Path, slot: str, name: str, uuid: str) -> None:
    status, complaint, left = call(disks, CMDLINE, slot)
    assert (status, complaint) == (0, "")
    assert left == f"console=tty1 root=PARTUUID={uuid} ro panic=10 rauc.slot={name}\n"


def test_only_the_root_is_the_root(disks: Path) -> None:
    _, _, left = call(disks, "rootwait xroot=1 root=/dev/mmcblk0p5 rootfstype=ext4")
    assert left.strip() == "rootwait xroot=1 root=PARTUUID=bbbb-06 rootfstype=ext4 rauc.slot=B"


@pytest.mark.parametrize(
    ("cmdline", "slot", "complaint"),
    [
        ("quiet\n", "boot.1", "names no root="),
        (None, "boot.1", "names no root="),
        (CMDLINE, "rootfs.1", "no slot for boot files"),
    ],
)
def test_what_cannot_start_fails_the_installation(
    disks: Path, cmdline: str | None, slot: str, complaint: str
) -> None:
    status, said, left = call(disks, cmdline, slot)
    assert status != 0
    assert complaint in said
    assert left == (cmdline or "")


def test_a_root_without_an_identity_fails_the_installation(disks: Path) -> None:
    (disks / "by-partuuid/bbbb-06").unlink()
    status, said, left = call(disks, CMDLINE)
    assert (status, left) == (1, CMDLINE)
    assert "the partition root_b has no PARTUUID" in said
