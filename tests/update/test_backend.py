import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.update.backend import main
from tests.update.boxes import FRESH, Box

ROOT = Path(__file__).parents[2]


def said(box: Box, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(words, box.bootloader) == 0
    return capsys.readouterr().out.strip()


def test_a_fresh_card_runs_a_and_has_nothing_else(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(box, capsys, "get-primary") == "A"
    assert said(box, capsys, "get-current") == "A"
    assert said(box, capsys, "get-state", "A") == "good"
    assert said(box, capsys, "get-state", "B") == "bad"
    assert box.text == FRESH


def test_an_installation_changes_no_default(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    """The calls that RAUC makes, in its order."""
    assert main(["set-state", "B", "bad"], box.bootloader) == 0
    assert box.start() == "A"
    assert main(["set-primary", "B"], box.bootloader) == 0
    assert said(box, capsys, "get-primary") == "B"
    assert said(box, capsys, "get-state", "B") == "good"
    assert box.start() == "A"
    assert box.start(tryboot=True) == "B"
    assert box.start() == "A"


def test_a_trial_that_is_found_good_becomes_the_default(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    main(["set-primary", "B"], box.bootloader)
    box.start(tryboot=True)
    assert main(["set-state", "B", "good"], box.bootloader) == 0
    assert box.start() == "B"
    assert said(box, capsys, "get-primary") == "B"
    assert said(box, capsys, "get-state", "A") == "good"


def test_a_slot_that_does_not_run_is_not_made_the_default(box: Box) -> None:
    assert main(["set-state", "B", "good"], box.bootloader) == 0
    assert box.start() == "A"


def test_a_choice_can_be_taken_back(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    main(["set-primary", "B"], box.bootloader)
    main(["set-primary", "A"], box.bootloader)
    assert said(box, capsys, "get-primary") == "A"
    assert said(box, capsys, "get-state", "B") == "good"


@pytest.mark.parametrize("tryboot", [False, True])
def test_what_the_box_falls_back_to_is_never_bad(
    box: Box, capsys: pytest.CaptureFixture[str], *, tryboot: bool
) -> None:
    """During a trial, RAUC would take the default slot for the one to write to."""
    main(["set-primary", "B"], box.bootloader)
    box.start(tryboot=tryboot)
    assert main(["set-state", "A", "bad"], box.bootloader) == 1
    assert "falls back to" in capsys.readouterr().err
    assert said(box, capsys, "get-state", "A") == "good"


@pytest.mark.parametrize(
    "words", [[], ["get-state"], ["get-state", "C"], ["set-state", "A", "so-so"], ["set-primary"], ["reboot"]]
)
def test_what_rauc_does_not_ask_is_refused(
    box: Box, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert main(words, box.bootloader) == 1
    assert "nothing that RAUC asks for" in capsys.readouterr().err
    assert box.text == FRESH


def test_a_damaged_file_is_made_anew_for_the_slot_that_runs(box: Box) -> None:
    main(["set-primary", "B"], box.bootloader)
    box.start(tryboot=True)
    for damaged in ("[all]\nboot_part", "", "x" * 5000, None):
        if damaged is None:
            box.bootloader.file.unlink()
        else:
            box.bootloader.file.write_text(damaged)
        assert main(["set-state", "B", "good"], box.bootloader) == 0
        assert box.start() == "B"


def test_a_box_without_slots_says_so(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(box.bootloader.file.parent)
    assert main(["get-primary"], box.bootloader) == 1
    assert "is not mounted; this box has no slots" in capsys.readouterr().err


def test_the_slot_that_runs_is_known_by_the_kernels_or_the_firmwares_word(
    box: Box, capsys: pytest.CaptureFixture[str]
) -> None:
    cmdline = box.root / "proc/cmdline"
    partition = box.root / "proc/device-tree/chosen/bootloader/partition"
    cmdline.write_text("root=/dev/vda5 xrauc.slot=B rauc.slot=AB")
    assert said(box, capsys, "get-current") == "A"
    partition.unlink()
    assert main(["get-current"], box.bootloader) == 1
    assert "not known which slot runs" in capsys.readouterr().err
    cmdline.write_text("rauc.slot=B")
    assert said(box, capsys, "get-current") == "B"


def test_a_kernel_and_a_firmware_that_disagree_decide_nothing(
    box: Box, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["set-primary", "B"], box.bootloader)
    box.start(tryboot=True)
    (box.root / "proc/cmdline").write_text("rauc.slot=A")
    assert main(["set-state", "B", "good"], box.bootloader) == 1
    assert "cmdline.txt there is wrong" in capsys.readouterr().err
    assert box.start() == "A"


def test_a_file_that_cannot_be_written_is_said_and_stays(
    box: Box, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "fsync", refuse)
    assert main(["set-primary", "B"], box.bootloader) == 1
    assert "cannot be written: Read-only file system" in capsys.readouterr().err
    assert box.text == FRESH
    assert [file.name for file in box.bootloader.file.parent.iterdir()] == ["autoboot.txt"]


def test_it_imports_nothing_that_may_be_slow_or_missing() -> None:
    """RAUC calls it several times for each installation, also on a system that is half broken."""
    code = "import sys; import appliance.update.backend; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"numpy", "cv2", "pydantic"} & set(ran.stdout.split())
