import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.budget import WATCHDOG_S
from appliance.doctor.instruments import Instruments
from appliance.provision.places import Places
from appliance.service import update_wish
from appliance.update import machine, trial
from appliance.update.bootloader import Bootloader

FOLDER = Path(__file__).parents[2] / "systemd"
SETTLE = FOLDER / "janban-update.service"
INSTALL = FOLDER / "janban-install.service"
WISH = FOLDER / "janban-install.path"
STICK = FOLDER / "janban-stick@.service"
RULES = FOLDER / "udev" / "71-janban-update.rules"

STATE = str(Places().state)
ARTIFACTS = "/var/lib/janban-artifacts"

ANALYSE = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def call(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL
    )


def settings(unit: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(unit)
    return parser


@ANALYSE
@pytest.mark.parametrize("unit", [SETTLE, STICK, INSTALL, WISH])
def test_systemd_takes_the_units_without_a_remark(tmp_path: Path, unit: Path) -> None:
    program = tmp_path / "appliance"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copy = tmp_path / unit.name.replace("@", "@sda1")
    copy.write_text(unit.read_text().replace("/opt/janban/bin/appliance", str(program)))
    verified = call("systemd-analyze", "verify", "--man=no", copy)
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


@ANALYSE
@pytest.mark.parametrize("unit", [SETTLE, INSTALL])
def test_exposure_is_small_though_it_is_root(unit: Path) -> None:
    analysed = call("systemd-analyze", "security", "--offline=true", "--no-pager", unit)
    found = re.search(rf"Overall exposure level for {re.escape(unit.name)}: ([\d.]+)", analysed.stdout)
    assert found is not None, analysed.stderr
    assert float(found[1]) <= 3.0


@pytest.mark.parametrize("unit", [SETTLE, STICK, INSTALL, WISH])
def test_units_are_for_boxes_with_slots(unit: Path) -> None:
    mounted = settings(unit)["Unit"]["ConditionPathIsMountPoint"]
    assert Bootloader().file.parent == Path(mounted)


def test_it_may_write_what_it_has_to_and_nothing_else() -> None:
    service = settings(SETTLE)["Service"]
    assert service["ProtectSystem"] == "strict"
    assert service["ReadWritePaths"].split() == [ARTIFACTS, str(Bootloader().file.parent), "/run/systemd"]


def minutes(unit: Path) -> int:
    found = re.fullmatch(r"(\d+)min", settings(unit)["Service"]["TimeoutStartSec"])
    assert found is not None
    return int(found[1])


def test_there_is_time_for_every_verdict() -> None:
    self_test_s = 17 * Instruments().longest_s
    assert trial.DEADLINE_S + self_test_s < 60 * minutes(SETTLE)


def test_there_is_time_for_the_slowest_card() -> None:
    restart_s = machine._RESTART_S + WATCHDOG_S
    alone_s = 3 * restart_s + trial.DEADLINE_S + 17 * Instruments().longest_s
    assert 60 * min(minutes(STICK), minutes(INSTALL)) > 2 * machine._INSTALL_S + alone_s


@pytest.mark.parametrize("unit", [STICK, INSTALL])
def test_what_comes_alone_is_judged_on_loopback_and_nobody_else_is_talked_to(unit: Path) -> None:
    service = settings(unit)["Service"]
    assert service["RestrictAddressFamilies"].split() == ["AF_UNIX", "AF_INET"]
    assert (service["IPAddressAllow"], service["IPAddressDeny"]) == ("localhost", "any")
    assert "PrivateNetwork" not in service


def test_root_looks_where_the_service_leaves_its_wish() -> None:
    assert settings(WISH)["Path"]["PathExists"] == f"{STATE}/{update_wish.WISH}"
    service = settings(INSTALL)["Service"]
    assert service["ExecStartPre"] == f"/usr/bin/rm -f {STATE}/{update_wish.WISH}"
    assert service["ExecStart"].endswith(f" update install {STATE}/{update_wish.BUNDLES}")
    writable = {STATE, ARTIFACTS, str(Bootloader().file.parent), "/run/systemd"}
    assert writable == set(service["ReadWritePaths"].split())


def test_a_stick_cannot_bring_programs_or_devices() -> None:
    mount = settings(STICK)["Service"]["ExecStartPre"]
    assert {"ro", "nosuid", "nodev", "noexec"} == set(re.findall(r"-o (\S+)", mount)[0].split(","))


def test_only_a_stick_that_is_named_so_is_looked_through() -> None:
    (rule,) = [line for line in RULES.read_text().splitlines() if not line.startswith("#")]
    assert 'ENV{ID_BUS}=="usb"' in rule
    assert 'ENV{ID_FS_LABEL}=="JANBAN"' in rule
    assert f'"{STICK.name.replace("@", "@%k")}"' in rule
