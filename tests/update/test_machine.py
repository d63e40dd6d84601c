from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.errors import UpdateError
from appliance.update.machine import Machine

Install = Callable[[str, str], None]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a program on the PATH, which has nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def install(name: str, script: str) -> None:
        file = folder / name
        file.write_text(f'#!/bin/sh\necho "$@" >>"{tmp_path}/asked"\n{script}\n')
        file.chmod(0o755)

    return install


def asked(tmp_path: Path) -> str:
    return (tmp_path / "asked").read_text().strip()


def test_rauc_installs_a_bundle(program: Install, tmp_path: Path) -> None:
    program("rauc", "echo 'Installing succeeded'")
    Machine().install(tmp_path / "a.raucb")
    assert asked(tmp_path) == f"install {tmp_path}/a.raucb"


@pytest.mark.parametrize(
    "said",
    [
        "echo 'LastError: signature verification failed: no key'; echo 'Installing failed' >&2",
        "echo 'Verifying' >&2; echo 'signature verification failed: no key' >&2",
    ],
)
def test_why_rauc_refuses_is_said(program: Install, tmp_path: Path, said: str) -> None:
    program("rauc", f"{said}; exit 1")
    with pytest.raises(UpdateError, match=r"^rauc install failed: signature verification failed: no key$"):
        Machine().install(tmp_path / "a.raucb")


def test_a_box_without_rauc_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UpdateError, match="rauc is not installed"):
        Machine().install(tmp_path / "a.raucb")


@pytest.mark.parametrize(
    ("argument", "words"), [(None, "reboot"), ("0 tryboot", "reboot --reboot-argument=0 tryboot")]
)
def test_the_firmware_is_told_of_a_trial(
    program: Install, tmp_path: Path, argument: str | None, words: str
) -> None:
    program("systemctl", "")
    Machine().reboot(argument)
    assert asked(tmp_path) == words


@pytest.mark.parametrize("said", ["", '[ "$1" = restart ]'])
def test_a_restart_for_a_trial_does_not_count_as_a_fault(program: Install, tmp_path: Path, said: str) -> None:
    program("systemctl", said)
    Machine().restart_service()
    assert asked(tmp_path).splitlines() == ["reset-failed janban", "restart janban"]
