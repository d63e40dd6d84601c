import logging
import os
import pwd
from pathlib import Path
from types import SimpleNamespace

import pytest

from appliance.publish.endpoint import Endpoint
from appliance.publish.settings import PublishSettings
from appliance.secret_files import is_closed_to_service, who_else_may


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text("correct horse")
    return file


@pytest.mark.parametrize(
    ("mode", "who"),
    [
        (0o600, None),
        (0o400, None),
        (0o640, None),
        (0o620, "the group"),
        (0o644, "everybody"),
        (0o601, "everybody"),
        (0o602, "everybody"),
    ],
)
def test_who_else_may_use_a_secret(secret: Path, mode: int, who: str | None) -> None:
    secret.chmod(mode)
    found = who_else_may(secret)
    assert (found is None) == (who is None)
    if found is not None:
        assert found.startswith(str(who))
        assert f"mode {mode:04o}" in found


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_another_group_is_a_stranger(secret: Path) -> None:
    secret.chmod(0o640)
    os.chown(secret, 0, 54_321)
    assert who_else_may(secret) == "the group 54321 may use it (mode 0640)"


@pytest.mark.parametrize(
    ("mode", "apart", "closed"),
    [
        (0o600, (0, 0), False),
        (0o200, (0, 0), True),
        (0o640, (1, 0), False),
        (0o600, (1, 0), True),
        (0o604, (1, 1), False),
    ],
)
def test_the_service_has_to_be_able_to_read_it(
    secret: Path, monkeypatch: pytest.MonkeyPatch, mode: int, apart: tuple[int, int], *, closed: bool
) -> None:
    """`apart` is how far user and group of the service are from the file's."""
    status = secret.stat()
    service = SimpleNamespace(pw_uid=status.st_uid + apart[0], pw_gid=status.st_gid + apart[1])
    monkeypatch.setattr(pwd, "getpwnam", lambda _name: service)
    monkeypatch.setattr(os, "getgrouplist", lambda _name, own: [own])
    secret.chmod(mode)
    assert is_closed_to_service(secret) is closed


def test_a_secret_that_others_may_read_serves_but_is_told(
    secret: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = PublishSettings(username="line-1", password_file=secret)
    secret.chmod(0o600)
    with caplog.at_level(logging.WARNING):
        assert Endpoint.of(settings).password == secret.read_text()
        assert not caplog.records
        secret.chmod(0o644)
        Endpoint.of(settings)
    assert "chmod 600" in caplog.text
    assert "correct" not in caplog.text
