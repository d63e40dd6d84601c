import subprocess

import pytest

from appliance.config import Settings
from appliance.diagnostics.from_afar import collect_from_afar
from tests.diagnostics.test_archive import unpacked
from tests.diagnostics.test_collect import HIDDEN, settings

__all__ = ["settings"]


def test_no_program_is_started_and_no_device_opened(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a program was started")

    for name in ("run", "Popen"):
        monkeypatch.setattr(subprocess, name, never)
    quiet = settings.model_copy(update={"service": settings.service.model_copy(update={"metrics_port": 0})})
    archive = collect_from_afar(quiet, 200_000)
    assert len(archive) <= 200_000
    members = unpacked(archive)
    assert "a program was started" not in "".join(members.values())
    assert "is not run for an operator from afar" in members["journal.txt"]
    assert "the service holds it" in members["doctor.jsonl"]
    assert HIDDEN not in "".join(members.values())
