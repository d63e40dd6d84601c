"""The files that an image adds to Debian's."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.image.parts import IMAGE, shell

FILES = IMAGE / "files"
HOST_KEYS = FILES / "usr/lib/janban/host-keys"
UNITS = sorted((FILES / "etc/systemd/system").glob("*.service"))


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


@needs("shellcheck")
def test_the_scripts_are_clean() -> None:
    scripts = [IMAGE / "build", *IMAGE.glob("*.sh"), *(IMAGE / "hooks").iterdir(), HOST_KEYS]
    checked = subprocess.run(
        ("shellcheck", "--external-sources", *scripts), capture_output=True, text=True, check=False
    )
    assert checked.stdout == ""


def test_what_is_mounted_is_on_the_card() -> None:
    mounted = set(re.findall(r"^PARTLABEL=(\w+) ", (FILES / "etc/fstab").read_text(), re.MULTILINE))
    assert mounted == {"bootcfg", "data"}
    table = shell("partition_table", "common settings card").stdout
    assert mounted <= set(re.findall(r"name=(\w+)$", table, re.MULTILINE))


def test_what_the_firmware_reads_is_replaced_in_the_right_order() -> None:
    (line,) = re.findall(r"^PARTLABEL=bootcfg .*", (FILES / "etc/fstab").read_text(), re.MULTILINE)
    assert line.split()[2] == "vfat"
    assert "dirsync" in line.split()[3].split(",")


def test_every_folder_on_the_data_partition_is_made_with_the_card(tmp_path: Path) -> None:
    """The box makes none: a mount whose source is missing would keep it from starting."""
    words = f"JANBAN_ID=$(id -u); WORK='{tmp_path}'; chown() {{ :; }}; chgrp() {{ :; }}; fill_data"
    filled = shell(words, "common settings card")
    assert filled.returncode == 0, filled.stderr
    named = re.findall(r"/data(/[\w/]+)", (FILES / "etc/fstab").read_text())
    named += re.findall(r"/data(/\w+)", (FILES / "etc/ssh/sshd_config.d/janban.conf").read_text())
    assert len(named) == 5
    assert all((tmp_path / f"data{folder}").is_dir() for folder in named)


def test_the_partition_that_grows_is_the_only_one_of_its_type() -> None:
    wanted = (FILES / "etc/repart.d/data.conf").read_text()
    assert "Label=data" in wanted
    assert "Type=linux-generic" in wanted
    table = shell("partition_table", "common settings card").stdout
    linux = re.findall(r"type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, .*name=(\w+)", table)
    assert linux == ["data"], "systemd-repart would take another one of this type for it"


def test_ssh_is_only_for_keys_of_the_boot_partition() -> None:
    settings = (FILES / "etc/ssh/sshd_config.d/janban.conf").read_text()
    (keys,) = re.findall(r"^AuthorizedKeysFile (\S+)$", settings, re.MULTILINE)
    unit = (FILES / "etc/systemd/system/ssh.service.d/janban.conf").read_text()
    assert f"ConditionPathExists={keys}\n" in unit
    assert "PasswordAuthentication no\n" in settings
    assert "KbdInteractiveAuthentication no\n" in settings


@needs("systemd-analyze")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_takes_the_units(unit: Path, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    there = tmp_path / unit.name
    there.write_text(re.sub(r"(?m)^ExecStart=\S+", f"ExecStart={program}", unit.read_text()))
    verified = subprocess.run(
        ("systemd-analyze", "verify", "--man=no", there), capture_output=True, text=True, check=False
    )
    assert (verified.returncode, verified.stderr) == (0, "")


@needs("nft")
@pytest.mark.skipif(os.geteuid() != 0, reason="nft asks the kernel, which takes root")
def test_nft_takes_the_firewall() -> None:
    checked = subprocess.run(
        ("nft", "--check", "--file", FILES / "etc/nftables.conf"), capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")


@needs("ssh-keygen")
def test_a_host_key_is_made_with_its_public_half(tmp_path: Path) -> None:
    subprocess.run((HOST_KEYS, tmp_path), check=True)
    key = tmp_path / "ssh_host_ed25519_key"
    public = subprocess.run(
        ("ssh-keygen", "-y", "-f", key), check=True, capture_output=True, text=True
    ).stdout
    assert public.split()[:2] == key.with_suffix(".pub").read_text().split()[:2]
    assert {file.name for file in tmp_path.iterdir()} == {key.name, f"{key.name}.pub"}


@needs("ssh-keygen")
@pytest.mark.parametrize("program", ["ssh-keygen", "sync", "mv"])
def test_a_host_key_that_is_cut_off_is_made_anew(tmp_path: Path, program: str) -> None:
    fake = tmp_path / "bin"
    fake.mkdir()
    (fake / program).write_text("#!/bin/sh\nexit 1\n")
    (fake / program).chmod(0o755)
    folder = tmp_path / "ssh"
    folder.mkdir()
    cut = {**os.environ, "PATH": f"{fake}:{os.environ['PATH']}"}
    assert subprocess.run((HOST_KEYS, folder), env=cut, check=False).returncode != 0
    assert not (folder / "ssh_host_ed25519_key").exists()
    subprocess.run((HOST_KEYS, folder), check=True)
    assert (folder / "ssh_host_ed25519_key").exists()


def test_time_servers_come_from_the_partition_that_a_laptop_shows() -> None:
    """Not to one's own root: it is read-only, and the unit may not read what is root's."""
    unit = (FILES / "etc/systemd/system/systemd-timesyncd.service.d/janban.conf").read_text()
    assert "After=boot-firmware.mount" in unit.splitlines()
    (script,) = re.findall(r"^ExecStartPre=\+-/bin/sh -c '(.*)'$", unit, re.MULTILINE)
    assert "/boot/firmware/timesyncd.conf /run/systemd/timesyncd.conf.d/janban.conf" in script
    assert "timesyncd.conf " in (IMAGE / "boot/README.txt").read_text()


@pytest.mark.parametrize("there", [True, False])
def test_time_servers_are_taken_over_if_some_are_named(tmp_path: Path, *, there: bool) -> None:
    unit = (FILES / "etc/systemd/system/systemd-timesyncd.service.d/janban.conf").read_text()
    (script,) = re.findall(r"^ExecStartPre=\+-/bin/sh -c '(.*)'$", unit, re.MULTILINE)
    for folder in ("/boot/firmware", "/run/systemd"):
        script = script.replace(folder, f"{tmp_path}{folder}")
    if there:
        (tmp_path / "boot/firmware").mkdir(parents=True)
        (tmp_path / "boot/firmware/timesyncd.conf").write_text("[Time]\nNTP=10.0.0.1\n")
    ran = subprocess.run(("sh", "-c", script), capture_output=True, text=True, check=False, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
    taken = tmp_path / "run/systemd/timesyncd.conf.d/janban.conf"
    assert (taken.read_text() if taken.exists() else None) == ("[Time]\nNTP=10.0.0.1\n" if there else None)
