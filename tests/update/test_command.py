import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.cli import main
from appliance.commands import update
from appliance.doctor.check import Check
from appliance.update import record
from appliance.update.autoboot import Autoboot
from appliance.update.record import Attempt
from tests.doctor.test_examine import NAMES
from tests.update.boxes import Box, FakeMachine


@pytest.fixture
def machine(box: Box, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    fake = FakeMachine(box.bootloader)
    monkeypatch.setattr(update, "Machine", lambda: fake)
    return fake


def call(box: Box, *words: str | Path) -> int:
    return main(["update", "--root", str(box.root), *map(str, words)])


def told(box: Box, capsys: pytest.CaptureFixture[str]) -> dict[str, str | None]:
    capsys.readouterr()
    assert call(box, "status", "--json") == 0
    answer: dict[str, str | None] = json.loads(capsys.readouterr().out)
    return answer


def test_a_box_tells_its_slots_to_people_and_machines(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(box, capsys) == {
        "runs": "A",
        "default": "A",
        "spare": "empty or bad",
        "trial": "none",
        "last": None,
        "last_outcome": None,
        "last_models": None,
        "last_models_outcome": None,
        "last_menu": None,
        "last_menu_outcome": None,
        "refused": None,
    }
    assert call(box, "status") == 0
    assert "spare: empty or bad\n" in capsys.readouterr().out


def test_an_update_that_cannot_be_judged_is_left_and_that_is_told_afterwards(
    box: Box, machine: FakeMachine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = tmp_path / "a.raucb"
    bundle.write_text("1")
    assert call(box, "install", bundle) == 0
    assert told(box, capsys)["last_outcome"] == "not known yet"
    box.start(tryboot=True)
    assert call(box, "settle", "--config", tmp_path / "none.toml") == 0
    assert machine.rebooted == ["0 tryboot", None]
    box.start()
    answer = told(box, capsys)
    assert (answer["runs"], answer["last"]) == ("A", "a")
    assert "slot B is given up" in str(answer["last_outcome"])
    assert "none.toml: does not exist" in str(answer["last_outcome"])


def test_what_came_of_an_update_is_told_until_the_next_one(
    box: Box, machine: FakeMachine, tmp_path: Path
) -> None:
    noted = box.root / "var/lib/janban-update/last-system.json"
    record.save(noted, Attempt("a" * 64, "1", "slot B stays: 3 trays measured"))
    assert call(box, "settle", "--config", tmp_path / "none.toml") == 0
    assert record.load(noted) == Attempt("a" * 64, "1", "slot B stays: 3 trays measured")
    assert machine.rebooted == []


def test_a_trial_that_was_cut_off_is_told(box: Box, machine: FakeMachine, tmp_path: Path) -> None:
    noted = box.root / "var/lib/janban-update/last-system.json"
    record.save(noted, Attempt("a" * 64, "1"))
    box.bootloader.save(Autoboot("A").wanting("B").begun())
    assert call(box, "settle", "--config", tmp_path / "none.toml") == 0
    last = record.load(noted)
    assert last is not None
    assert "did not come up" in last.outcome
    assert machine.rebooted == []


def test_a_refusal_is_one_line(
    box: Box, machine: FakeMachine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(box, "install", tmp_path / "none.raucb") == 1
    assert capsys.readouterr().err == f"appliance: {tmp_path}/none.raucb: there is no such bundle\n"
    assert machine.rebooted == []
    assert told(box, capsys)["refused"] == f"{tmp_path}/none.raucb: there is no such bundle"
    (tmp_path / "a.raucb").write_text("1")
    assert call(box, "install", tmp_path / "a.raucb") == 0
    assert told(box, capsys)["refused"] is None


def test_the_self_test_is_about_measuring_and_nothing_else() -> None:
    checks = [Check(name, "fail", "broken", "mend it") for name in NAMES]
    assert {fault.split(":")[0] for fault in update._faults(checks)} == update._DECISIVE
    assert not update._faults(Check(name, "warn", "so-so", "look") for name in NAMES)


@pytest.fixture
def signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("signals")
def test_an_installation_ends_in_order_when_it_is_told_to(
    box: Box, machine: FakeMachine, tmp_path: Path
) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    assert call(box, "install", tmp_path / "none.raucb") == 1
    assert machine.rebooted == []
    with pytest.raises(SystemExit):
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGHUP)
