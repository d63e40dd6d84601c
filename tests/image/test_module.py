"""The kernel's module for trial boots: compiled once for a kernel, and put where it is found."""

import re
from pathlib import Path

from tests.image.parts import IMAGE, shell

STAND_INS = """
WORK={folder}/work CACHE={folder}/cache BUILD={folder} SUITE=trixie
root=$WORK/root
mkdir -p "$CACHE" "$root/usr/lib/modules/7.1-arm64"
dpkg() {{ echo amd64; }}
depmod() {{ echo "depmod $*"; }}
bootstrap() {{ echo "$*" >>{folder}/fetched; mkdir -p "$WORK/headers/mnt"; }}
env() {{ cp "$WORK/headers/mnt/janban_tryboot.c" "$WORK/headers/mnt/janban_tryboot.ko"; }}
chroot() {{ :; }}
"""


def added(folder: Path, base: str) -> list[str]:
    """Add the module with programs that stand in for others, and return the files of the kernel's folder."""
    ran = shell(
        STAND_INS.format(folder=folder) + f'BASE={base}\nadd_module "$root"', "common settings module"
    )
    assert ran.returncode == 0, ran.stderr
    kernel = folder / "work/root" / "usr/lib/modules/7.1-arm64"
    return [str(file.relative_to(kernel)) for file in kernel.rglob("*") if file.is_file()]


def test_it_is_compiled_once_for_a_kernel_and_put_with_its_modules(tmp_path: Path) -> None:
    assert added(tmp_path, "debian") == added(tmp_path, "debian") == ["updates/janban_tryboot.ko"]
    (fetched,) = (tmp_path / "fetched").read_text().splitlines()
    assert "--architectures=amd64,arm64 " in fetched
    assert "linux-headers-7.1-arm64:arm64" in fetched
    assert not (tmp_path / "work/headers").exists()


def test_the_kernel_of_a_raspberry_pi_os_needs_none(tmp_path: Path) -> None:
    assert added(tmp_path, "raspios") == []


def test_it_asks_for_a_trial_by_the_word_that_the_box_says() -> None:
    source = (IMAGE / "tryboot/janban_tryboot.c").read_text()
    said = re.search(r'machine\.reboot\("(.*)"\)', (IMAGE.parent / "appliance/update/settle.py").read_text())
    heard = re.search(r'strstr\(command, "(.*)"\)', source)
    assert said is not None
    assert heard is not None
    assert heard[1] in said[1]
