"""Networks and menus alone: what is tried, kept and left, with a service that is told what to say."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from appliance.artifacts.shelf import Kind, Record, Shelf
from appliance.errors import MenuError, UpdateError
from appliance.menu.menu import load_menu
from appliance.update import record
from appliance.update.alone import Alone
from appliance.update.install import Installer, noted, tidy
from appliance.update.trial import Verdict
from tests.menu.test_menu import EXAMPLE
from tests.update.boxes import Box, FakeMachine

STAYS = Verdict(stays=True, why="3 trays measured")
GOES = Verdict(stays=False, why="the service does not use the menu")


@dataclass
class Bench:
    """A box that takes menus; `in_force` is what each restart of the service found to be in force."""

    box: Box
    folder: Path
    boot: UUID = field(default_factory=uuid4)
    verdict: Verdict = STAYS
    in_force: list[str | None] = field(default_factory=list)
    on_verdict: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        self.shelf = Shelf(self.folder / "shelf")
        self.state = self.folder / "state"
        menu = self.folder / "menu"
        menu.mkdir()
        shutil.copy(EXAMPLE, menu / "menu.toml")
        self.machine = FakeMachine(self.box.bootloader, unpacks=menu, on_restart=self._restarted)

    def alone(self) -> Alone:
        return Alone(
            self.shelf,
            self.machine,
            {"models": load_menu, "menu": load_menu},
            self._judge,
            system="0.1.0",
            built="20261101000000",
            boot=self.boot,
        )

    def install(self, text: str, **options: bool) -> str:
        bundle = self.folder / "a.raucb"
        bundle.write_text(text)
        installer = Installer(self.box.bootloader, self.machine, self.state, self.alone)
        return installer.install(bundle, **options)

    @property
    def used(self) -> str | None:
        found = self.shelf.record("menu").in_force(self.boot, "0.1.0")
        return None if found is None else found.version

    def _restarted(self) -> None:
        self.in_force.append(self.used)

    def _judge(self, kind: Kind, version: str) -> Verdict:
        assert (kind, version) == ("menu", self.used)
        if self.on_verdict is not None:
            self.on_verdict()
        return self.verdict


@pytest.fixture
def bench(box: Box, tmp_path: Path) -> Bench:
    return Bench(box, tmp_path)


def test_a_menu_is_tried_and_stays(bench: Bench) -> None:
    assert bench.install("menu 1 20261129120000") == "the menu 1 stays: 3 trays measured"
    assert bench.in_force == ["1"]
    assert bench.shelf.record("menu").trial is None
    assert bench.used == "1"
    bench.boot = uuid4()
    assert bench.used == "1"
    last = record.load(noted(bench.state, "menu"))
    assert last is not None
    assert last.outcome == "the menu 1 stays: 3 trays measured"
    assert sorted(file.name for file in bench.state.iterdir()) == ["last-menu.json"]
    assert bench.machine.rebooted == bench.machine.installed == []


def test_one_that_does_not_prove_itself_makes_way_for_the_one_before(bench: Bench) -> None:
    bench.install("menu 1 20261129120000")
    bench.verdict = GOES
    said = bench.install("menu 2 20261129130000")
    assert (
        said == "the menu 2 is given up: the service does not use the menu; what was before is in force again"
    )
    assert bench.in_force == ["1", "2", "1"]
    assert [place.name for place in (bench.folder / "shelf/menu").iterdir()] == [
        bench.shelf.place("menu", kept).name for kept in [bench.shelf.record("menu").kept] if kept is not None
    ]


def test_a_judge_who_cannot_judge_is_no_proof(bench: Bench) -> None:
    def broken() -> None:
        raise MenuError("no configuration")

    bench.on_verdict = broken
    assert "is given up: no configuration" in bench.install("menu 1 20261129120000")
    assert bench.in_force == ["1", None]


def test_a_power_cut_during_the_trial_is_an_answer(bench: Bench) -> None:
    class PowerCutError(BaseException):
        """Ends everything."""

    def cut() -> None:
        raise PowerCutError

    bench.install("menu 1 20261129120000")
    bench.on_verdict = cut
    with pytest.raises(PowerCutError):
        bench.install("menu 2 20261129130000")
    bench.boot = uuid4()
    assert bench.used == "1", "before anybody settles anything"
    assert bench.alone().settle() == {"menu": "the menu 2 is given up: cut off on trial"}
    assert bench.shelf.record("menu") == bench.shelf.record("menu").settled(keep=False)
    assert bench.used == "1"
    assert bench.alone().settle() == {}
    bench.on_verdict = None
    assert "was installed before" in bench.install("menu 2 20261129130000")


def test_a_trial_that_nobody_judges_any_more_ends_with_the_next_installation(bench: Bench) -> None:
    class KilledError(BaseException):
        """Ends the installer, and not the boot."""

    def kill() -> None:
        raise KilledError

    bench.on_verdict = kill
    with pytest.raises(KilledError):
        bench.install("menu 1 20261129120000")
    assert bench.used == "1"
    bench.on_verdict = None
    assert bench.machine.unpacks is not None
    (bench.machine.unpacks / "menu.toml").write_text("schema = 3")
    with pytest.raises(UpdateError, match="is refused"):
        bench.install("menu 2 20261129130000")
    assert bench.in_force == ["1", None]
    last = record.load(noted(bench.state, "menu"))
    assert last is not None
    assert last.outcome == "the menu 1 is given up: cut off on trial"


@pytest.mark.parametrize("ends", [KeyboardInterrupt, SystemExit, ValueError])
def test_an_installer_that_is_ended_leaves_what_was_before(bench: Bench, ends: type[BaseException]) -> None:
    def end() -> None:
        raise ends

    bench.install("menu 1 20261129120000")
    bench.on_verdict = end
    assert "the menu 2 is given up" in bench.install("menu 2 20261129130000")
    assert bench.in_force == ["1", "2", "1"]
    assert "was installed before (the menu 2 is given up: " in bench.install("menu 2 20261129130000")


def test_a_service_that_does_not_start_again_does_not_hide_the_outcome(bench: Bench) -> None:
    def broken() -> None:
        raise UpdateError("systemctl restart failed: the camera is gone")

    bench.machine.on_restart = broken
    said = bench.install("menu 1 20261129120000")
    assert "is given up: systemctl restart failed: the camera is gone" in said
    assert "does not start with that either" in said
    last = record.load(noted(bench.state, "menu"))
    assert last is not None
    assert last.outcome == said


def test_what_is_damaged_can_be_installed_again(bench: Bench) -> None:
    bench.install("menu 1 20261129120000")
    kept = bench.shelf.record("menu").kept
    assert kept is not None
    file = bench.shelf.place("menu", kept) / "menu.toml"
    file.write_text("schema = 3")
    assert "the menu 1 stays" in bench.install("menu 1 20261129120000", again=True)
    load_menu(file.parent)


def test_what_a_power_cut_left_is_removed_at_the_next_start(bench: Bench) -> None:
    bench.install("menu 1 20261129120000")
    (bench.folder / "shelf/menu/0123456789ab").mkdir()
    (bench.folder / "shelf/.menu.json.x1y2").write_text("{")
    (bench.state / "unpacked").mkdir()
    (bench.state / "bundle.raucb").write_text("half")
    tidy(bench.state)
    bench.alone().settle()
    assert bench.used == "1"
    assert sorted(file.name for file in bench.state.iterdir()) == ["last-menu.json"]
    assert sorted(file.name for file in (bench.folder / "shelf").iterdir()) == ["menu", "menu.json"]
    assert len(list((bench.folder / "shelf/menu").iterdir())) == 1


def test_a_record_that_cannot_be_read_costs_nothing_at_a_start(bench: Bench) -> None:
    bench.install("menu 1 20261129120000")
    (bench.folder / "shelf/menu.json").write_text("{")
    bench.alone().settle()
    assert len(list((bench.folder / "shelf/menu").iterdir())) == 1


def test_what_is_not_a_menu_is_refused_and_changes_nothing(bench: Bench) -> None:
    bench.install("menu 1 20261129120000")
    assert bench.machine.unpacks is not None
    (bench.machine.unpacks / "menu.toml").write_text("schema = 3")
    with pytest.raises(UpdateError, match=r"the menu 2 is refused: .*schema"):
        bench.install("menu 2 20261129130000")
    assert bench.in_force == ["1"]
    assert record.load(noted(bench.state, "menu")) is not None
    assert not list(bench.state.glob("unpacked*"))


def test_what_is_older_than_what_is_in_force_is_refused_unless_asked_for(bench: Bench) -> None:
    bench.install("menu 2 20261129120000")
    with pytest.raises(UpdateError, match="before the menu 2 in force"):
        bench.install("menu 1 20261129115959")
    assert bench.used == "2"
    assert "the menu 1 stays" in bench.install("menu 1 20261129115959", older=True)
    assert bench.used == "1"


def test_networks_older_than_the_system_are_refused_menus_are_not(bench: Bench) -> None:
    assert "stay" in bench.install("menu 1 20261001000000")
    with pytest.raises(UpdateError, match="before the system, which has its own"):
        bench.install("models 1 20261001000000")


def test_what_is_in_force_is_not_tried_again(bench: Bench) -> None:
    bench.install("menu 1 20261129120000")
    assert "is in force already" in bench.install("menu 1 20261129120000", again=True)
    assert bench.in_force == ["1"]


def test_a_forged_bundle_is_not_even_unpacked(bench: Bench) -> None:
    with pytest.raises(UpdateError, match="signature verification failed"):
        bench.install("forged")
    assert bench.shelf.record("menu") == Record()
    assert bench.machine.restarts == 0


def test_a_stick_waits_for_nobody_while_a_command_is_at_work(bench: Bench) -> None:
    said: list[str] = []

    def meanwhile() -> None:
        with pytest.raises(UpdateError) as caught:
            bench.install("menu 2 20261129130000")
        said.append(str(caught.value))

    bench.on_verdict = meanwhile
    assert "the menu 1 stays" in bench.install("menu 1 20261129120000")
    assert said == ["another update is being installed; try again when it is done"]
    bench.on_verdict = None
    assert "the menu 2 stays" in bench.install("menu 2 20261129130000")


def test_a_disk_that_is_full_is_said_and_changes_nothing(bench: Bench) -> None:
    (bench.folder / "shelf").write_text("no folder")
    with pytest.raises(UpdateError, match="the menu cannot be written"):
        bench.install("menu 1 20261129120000")
    assert bench.machine.restarts == 0
