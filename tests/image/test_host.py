import os
from pathlib import Path

import pytest

from tests.image.parts import shell

PARTS = "common settings host"


def programs(folder: Path, **scripts: str) -> Path:
    """A folder with programs that stand in for those of the machine."""
    folder.mkdir()
    for name, script in scripts.items():
        file = folder / name.replace("_", "-")
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
    return folder


def good(tmp_path: Path, **scripts: str) -> dict[str, str]:
    """Settings for a machine that has everything, but for what `scripts` say."""
    every = ("mmdebstrap", "git", "depmod", "unshare", "mount", "python3", "arch_test", "qemu_aarch64_static")
    there = dict.fromkeys(every, "exit 0") | {"id": "echo 0", "uname": "echo x86_64"} | scripts
    folder = programs(tmp_path / "bin", **there)
    return {"PATH": f"{folder}:{os.environ['PATH']}", "BUILD": str(tmp_path / "build")}


def test_a_machine_that_has_everything_passes(tmp_path: Path) -> None:
    free = "printf 'Avail\\n90000\\n'"
    passed = shell("check_host", PARTS, good(tmp_path, df=free))
    assert (passed.returncode, passed.stderr) == (0, "")


@pytest.mark.parametrize(
    ("scripts", "complaint"),
    [
        ({"id": "echo 1000"}, "needs root"),
        ({"df": "printf 'Avail\\n12\\n'"}, "12 MB free, and 7000 MB are needed"),
        ({"arch_test": "exit 1", "mount": "exit 1", "cat": "exit 1"}, "does not run arm64 programs"),
        ({"python3": "exit 1"}, "apt install python3-venv"),
    ],
)
def test_what_is_missing_is_one_line(tmp_path: Path, scripts: dict[str, str], complaint: str) -> None:
    refused = shell("check_host", PARTS, good(tmp_path, **scripts))
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
    assert complaint in refused.stderr


def test_all_missing_tools_are_named_with_the_line_that_installs_them(tmp_path: Path) -> None:
    folder = programs(tmp_path / "bin", python3="exit 1", uname="echo x86_64")
    (folder / "bash").symlink_to("/bin/bash")
    (folder / "dirname").symlink_to("/usr/bin/dirname")
    refused = shell("check_tools", PARTS, {"PATH": str(folder)})
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    wanted = "mmdebstrap git kmod util-linux mount arch-test python3-venv qemu-user-static"
    assert line == f"image: tools are missing; on Debian: apt install {wanted}"
