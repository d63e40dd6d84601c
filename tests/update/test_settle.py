import pytest

from appliance.errors import ConfigError
from appliance.update.autoboot import Autoboot, parse
from appliance.update.settle import settle
from appliance.update.trial import Verdict
from tests.update.boxes import FRESH, Box, FakeMachine


def unasked() -> Verdict:
    raise AssertionError("nothing is on trial")


def test_an_ordinary_start_changes_nothing(box: Box) -> None:
    machine = FakeMachine(box.bootloader)
    assert settle(box.bootloader, machine, unasked) == "slot A runs, nothing is due"
    assert parse(box.text) == parse(FRESH)
    assert machine.rebooted == []


def test_a_trial_that_the_power_cut_before_its_start_is_begun(box: Box) -> None:
    box.bootloader.save(Autoboot("A").wanting("B"))
    machine = FakeMachine(box.bootloader)
    assert "restarting into slot B, on trial" in settle(box.bootloader, machine, unasked)
    assert machine.rebooted == ["0 tryboot"]
    assert box.bootloader.load().trial == "begun"


def test_a_trial_that_did_not_come_up_is_not_repeated(box: Box) -> None:
    box.bootloader.save(Autoboot("A").wanting("B").begun())
    machine = FakeMachine(box.bootloader)
    assert "slot B did not come up" in settle(box.bootloader, machine, unasked)
    assert machine.rebooted == []
    assert parse(box.text) == Autoboot("A", spare_good=False, trial="none")


def test_what_measures_stays(box: Box) -> None:
    box.bootloader.save(Autoboot("A").wanting("B").begun())
    box.start(tryboot=True)
    machine = FakeMachine(box.bootloader)
    said = settle(box.bootloader, machine, lambda: Verdict(stays=True, why="3 trays measured"))
    assert said == "slot B stays: 3 trays measured"
    assert parse(box.text) == Autoboot("B", spare_good=True)
    assert machine.rebooted == []


def test_what_does_not_measure_is_left(box: Box) -> None:
    box.bootloader.save(Autoboot("A").wanting("B").begun())
    box.start(tryboot=True)
    machine = FakeMachine(box.bootloader)
    said = settle(box.bootloader, machine, lambda: Verdict(stays=False, why="no frames"))
    assert said == "slot B is given up: no frames; restarting into slot A"
    assert machine.rebooted == [None]
    assert parse(box.text) == Autoboot("A", spare_good=False)
    assert box.start() == "A"


def test_a_configuration_that_the_new_system_cannot_read_counts_against_it(box: Box) -> None:
    box.bootloader.save(Autoboot("A").wanting("B").begun())
    box.start(tryboot=True)

    def wrong() -> Verdict:
        raise ConfigError("janban.toml: camera.colour: unknown")

    machine = FakeMachine(box.bootloader)
    assert "camera.colour: unknown" in settle(box.bootloader, machine, wrong)
    assert machine.rebooted == [None]


def test_a_damaged_file_is_mended_at_the_next_start(box: Box) -> None:
    box.bootloader.file.write_text("[all]\n")
    settle(box.bootloader, FakeMachine(box.bootloader), unasked)
    assert parse(box.text) == Autoboot("A")


@pytest.mark.parametrize("stays", [True, False])
def test_a_trial_by_hand_is_judged_like_any_other(box: Box, *, stays: bool) -> None:
    box.bootloader.save(Autoboot("A", spare_good=True))
    box.start(tryboot=True)
    settle(box.bootloader, FakeMachine(box.bootloader), lambda: Verdict(stays, "so it was"))
    assert box.start() == ("B" if stays else "A")
