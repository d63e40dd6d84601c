import os
from pathlib import Path

import pytest

from appliance.cli import main
from tests.provision.boxes import LOGIN, Box, new_box, order


@pytest.fixture
def box(tmp_path: Path) -> Box:
    box = new_box(tmp_path)
    (tmp_path / "etc/passwd").write_text(
        f"root:x:0:0::/:/bin/sh\njanban:x:{os.geteuid()}:{os.getegid()}::/:/usr/sbin/nologin\n"
    )
    return box


def test_the_command_says_what_it_did_and_that_it_is_done(
    box: Box, capsys: pytest.CaptureFixture[str]
) -> None:
    box.file.write_text(order(LOGIN))
    assert main(["provision", "--root", str(box.root)]) == 0
    assert main(["provision", "--root", str(box.root)]) == 0
    assert capsys.readouterr().out == "canteen-3/line-1: provisioned\nnothing to do\n"
    assert box.settings().device.site == "canteen-3"


def test_a_wrong_file_is_one_line_and_a_status(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    box.file.write_text("site = 7")
    assert main(["provision", "--root", str(box.root)]) != 0
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("appliance: provision.toml: site: 7 is not allowed")
    assert said.err.count("\n") == 1


def test_a_disk_that_cannot_be_written_is_one_line(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    box.file.write_text(order(LOGIN))
    box.identity.parent.rmdir()
    assert main(["provision", "--root", str(box.root)]) == 1
    assert "check the disk" in capsys.readouterr().err
    assert box.file.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_root_gives_secrets_to_the_service(box: Box) -> None:
    (box.root / "etc/passwd").write_text("janban:x:4321:8765::/:/usr/sbin/nologin\n")
    box.file.write_text(order(LOGIN))
    assert main(["provision", "--root", str(box.root)]) == 0
    for path in (box.identity, *box.identity.rglob("*")):
        assert (path.stat().st_uid, path.stat().st_gid) == (4321, 8765), path
    assert box.config.stat().st_uid == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root looks for the service's user")
def test_a_root_that_is_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["provision", "--root", str(tmp_path)]) == 1
    assert f"{tmp_path}/etc/passwd: No such file or directory; give as --root" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root looks for the service's user")
def test_without_the_services_user_nothing_is_written(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    (box.root / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\n")
    box.file.write_text(order(LOGIN))
    assert main(["provision", "--root", str(box.root)]) == 78
    assert "sysusers.d" in capsys.readouterr().err
    assert not box.config.exists()
