import json
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.errors import UpdateError
from appliance.update.machine import Machine

INFO = {
    "compatible": "janban-debian",
    "version": "20261129-0.1.0-gabc",
    "images": [{"boot": {"checksum": "b" * 64}}, {"rootfs": {"checksum": "a" * 64}}],
}

Install = Callable[[str, str], None]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a program on the PATH, which has nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def install(name: str, script: str) -> None:
        file = folder / name
        file.write_text(f'#!/bin/sh\necho "$@" >"{tmp_path}/asked"\n{script}\n')
        file.chmod(0o755)

    return install


def asked(tmp_path: Path) -> str:
    return (tmp_path / "asked").read_text().strip()


def test_a_bundle_is_what_its_contents_are(program: Install, tmp_path: Path) -> None:
    program("rauc", f"echo '{json.dumps(INFO)}'")
    one = Machine().inspect(tmp_path / "a.raucb")
    assert asked(tmp_path) == f"info --output-format=json {tmp_path}/a.raucb"
    assert one.version == INFO["version"]
    program("rauc", f"echo '{json.dumps({**INFO, 'version': '2'})}'")
    assert Machine().inspect(tmp_path / "a.raucb").digest != one.digest
    # Another release of RAUC may say more, and in another order.
    program("rauc", f"echo '{json.dumps({'hooks': ['x'], **INFO, 'images': INFO['images'][::-1]})}'")
    assert Machine().inspect(tmp_path / "b.raucb").digest == one.digest


@pytest.mark.parametrize("said", ["", "{}", "[]", '{"version": 1, "images": ["x"]}'])
def test_what_rauc_says_otherwise_is_not_guessed_at(program: Install, tmp_path: Path, said: str) -> None:
    program("rauc", f"echo '{said}'")
    with pytest.raises(UpdateError, match="says nothing of it that could be understood"):
        Machine().inspect(tmp_path / "a.raucb")


def test_why_rauc_refuses_is_said(program: Install, tmp_path: Path) -> None:
    program("rauc", "echo 'Verifying' >&2; echo 'signature verification failed: no key' >&2; exit 1")
    with pytest.raises(UpdateError, match="rauc info failed: signature verification failed: no key"):
        Machine().inspect(tmp_path / "a.raucb")


def test_a_box_without_rauc_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UpdateError, match="rauc is not installed"):
        Machine().inspect(tmp_path / "a.raucb")


@pytest.mark.parametrize(
    ("argument", "words"), [(None, "reboot"), ("0 tryboot", "reboot --reboot-argument=0 tryboot")]
)
def test_the_firmware_is_told_of_a_trial(
    program: Install, tmp_path: Path, argument: str | None, words: str
) -> None:
    program("systemctl", "")
    Machine().reboot(argument)
    assert asked(tmp_path) == words
