import configparser
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.budget import LONGEST_TRAY_S, WATCHDOG_S, Budget
from appliance.cli import main
from appliance.config import ServiceSettings
from appliance.inference.devices import CORAL_USB_IDS
from appliance.service.meals import LEAST_S
from appliance.service.update_wish import BUNDLES

FOLDER = Path(__file__).parents[2] / "systemd"
UNIT = FOLDER / "janban.service"
RULES = FOLDER / "udev" / "70-janban.rules"


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


def call(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL
    )


def setting(section: str, name: str, file: Path = UNIT) -> str:
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(file)
    return parser[section][name]


def seconds(section: str, name: str, file: Path = UNIT) -> float:
    """A setting that is a time, of one figure and at most one unit."""
    found = re.fullmatch(r"(\d+)(ms|s|min|)", setting(section, name, file))
    assert found is not None, name
    return int(found[1]) * {"ms": 0.001, "s": 1.0, "min": 60.0, "": 1.0}[found[2]]


@pytest.fixture
def runnable_unit(tmp_path: Path) -> Path:
    """The unit as it is installed, with a program that exists on the machine of the test."""
    program = tmp_path / "appliance"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/janban/bin/appliance", str(program)))
    return unit


def test_what_is_kept_in_memory_outlives_the_service() -> None:
    """On a card that takes no writes readings are stored there, and restarts must not cost them."""
    assert setting("Service", "RuntimeDirectory") == "janban"
    assert setting("Service", "RuntimeDirectoryPreserve") == "yes"


@needs("systemd-analyze")
def test_systemd_takes_the_unit_without_a_remark(runnable_unit: Path) -> None:
    verified = call("systemd-analyze", "verify", "--man=no", runnable_unit)
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


@needs("systemd-analyze")
def test_verification_would_notice_a_mistake(runnable_unit: Path) -> None:
    runnable_unit.write_text(runnable_unit.read_text().replace("ProtectClock=yes", "ProtectClok=yes"))
    assert "ProtectClok" in call("systemd-analyze", "verify", "--man=no", runnable_unit).stderr


@needs("systemd-analyze")
def test_exposure_is_small() -> None:
    analysed = call("systemd-analyze", "security", "--offline=true", "--no-pager", UNIT)
    found = re.search(r"Overall exposure level for janban\.service: ([\d.]+)", analysed.stdout)
    assert found is not None, analysed.stderr
    assert float(found[1]) <= 2.5


def test_watchdog_of_the_unit_is_the_budgets() -> None:
    assert seconds("Service", "WatchdogSec") == WATCHDOG_S


def test_a_stop_has_time_for_every_part_at_its_longest() -> None:
    assert Budget(LONGEST_TRAY_S).shutdown_s < seconds("Service", "TimeoutStopSec")


def test_a_start_has_the_time_that_an_empty_store_takes_and_asks_for_more() -> None:
    budget = Budget(LONGEST_TRAY_S)
    assert budget.start_s(store_mb=0.0) <= seconds("Service", "TimeoutStartSec") < budget.start_s(256.0)
    assert setting("Service", "NotifyAccess") == "main"


def test_the_last_resort_is_reached_even_if_every_round_takes_its_longest() -> None:
    start, stop, watchdog, pause = (
        seconds("Service", name)
        for name in ("TimeoutStartSec", "TimeoutStopSec", "WatchdogSec", "RestartSec")
    )
    # A process that hangs in the kernel costs a second stop timeout: SIGKILL does not end it either.
    longest_round_s = start + Budget(LONGEST_TRAY_S).camera_ailing_s + watchdog + 2 * stop + pause
    burst = int(setting("Unit", "StartLimitBurst"))
    assert burst * longest_round_s < seconds("Unit", "StartLimitIntervalSec")
    assert seconds("Unit", "StartLimitIntervalSec") / LEAST_S < burst - 3, "starts for meals are no fault"
    assert setting("Unit", "StartLimitAction") == "reboot-force", "it waits for no process in the kernel"


def test_what_neither_restart_nor_reboot_ends_the_hardware_does() -> None:
    file = FOLDER / "system.conf.d" / "janban.conf"
    # The timer of the Raspberry Pi's BCM2835 counts 16 seconds: drivers/watchdog/bcm2835_wdt.c in Linux.
    assert 0 < seconds("Manager", "RuntimeWatchdogSec", file) <= 15 < WATCHDOG_S
    # Time enough for file systems to be unmounted, and less than anybody needs to drive there.
    assert seconds("Service", "TimeoutStopSec") < seconds("Manager", "RebootWatchdogSec", file) <= 300


def test_the_journal_spares_the_card_and_has_bounds() -> None:
    file = FOLDER / "journald.conf.d" / "janban.conf"
    assert setting("Journal", "Storage", file) == "volatile"
    for name in ("RuntimeMaxUse", "RuntimeMaxFileSize"):
        assert re.fullmatch(r"\d+M", setting("Journal", name, file))
    assert int(setting("Journal", "RateLimitBurst", file)) > 0


def test_the_service_may_listen_where_metrics_are_by_default() -> None:
    """And nowhere else; port 0, no port of its own, is what a client binds that only connects."""
    port = ServiceSettings().metrics_port
    assert (setting("Service", "SocketBindDeny"), setting("Service", "SocketBindAllow")) == (
        "1-65535",
        f"tcp:{port}",
    )


def test_what_a_restart_cannot_mend_is_not_restarted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["run", "--config", str(tmp_path / "janban.toml")])
    assert str(status) == setting("Service", "RestartPreventExitStatus")
    assert "does not exist" in capsys.readouterr().err


@needs("systemd-sysusers")
def test_user_is_in_the_groups_that_own_the_devices(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    made = call("systemd-sysusers", f"--root={tmp_path}", FOLDER / "sysusers.d" / "janban.conf")
    assert made.returncode == 0, made.stderr
    user = (tmp_path / "etc/passwd").read_text().strip().split(":")
    assert user[0] == "janban"
    assert user[-1].endswith("nologin")
    groups = [line.split(":") for line in (tmp_path / "etc/group").read_text().splitlines()]
    assert {name for name, _, _, members in groups if "janban" in members} == {"video", "plugdev"}
    assert user[0] == setting("Service", "User")


@needs("systemd-tmpfiles")
@needs("systemd-sysusers")
def test_folders_are_private(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    call("systemd-sysusers", f"--root={tmp_path}", FOLDER / "sysusers.d" / "janban.conf")
    made = call("systemd-tmpfiles", f"--root={tmp_path}", "--create", FOLDER / "tmpfiles.d" / "janban.conf")
    # Status 73: only root may give the folders away.
    assert made.returncode in ((0,) if os.geteuid() == 0 else (0, 73)), made.stderr
    updates = f"var/lib/janban/{BUNDLES}"
    for folder in ("etc/janban", "var/lib/janban", "var/lib/janban/calibration", updates, "run/janban"):
        assert (tmp_path / folder).stat().st_mode & 0o777 == 0o750, folder


def test_rules_give_both_identities_of_the_coral_to_the_service() -> None:
    rules = [line for line in RULES.read_text().splitlines() if line and not line.startswith("#")]
    env, attribute = r"ENV\{(DEVTYPE|ID_USB_INTERFACES)\}", r"ATTR\{(idVendor|idProduct|bDeviceClass)\}"
    match = rf'(ACTION|SUBSYSTEM|{env}|{attribute})(==|!=)"[^"]+"'
    assign = r'(GROUP|MODE)="[^"]+"'
    for rule in rules:
        assert re.fullmatch(rf"({match}, )+({assign}, )*{assign}", rule), rule
    identities = {tuple(re.findall(r'ATTR\{id(?:Vendor|Product)\}=="(\w+)"', rule)) for rule in rules}
    assert identities >= CORAL_USB_IDS


def test_rules_give_usb_cameras_and_hubs_to_who_may_reset_them() -> None:
    rules = RULES.read_text()
    assert re.search(r'ENV\{ID_USB_INTERFACES\}=="\*:0e\*:\*", GROUP="video", MODE="0660"', rules)
    assert re.search(r'ATTR\{bDeviceClass\}=="09", GROUP="plugdev", MODE="0660"', rules)
    assert "char-usb_device rw" in UNIT.read_text()


@pytest.mark.skipif(
    shutil.which("udevadm") is None or call("udevadm", "verify", "--help").returncode != 0,
    reason="udevadm with verify (systemd 254) is not installed",
)
def test_udev_takes_the_rules() -> None:
    verified = call("udevadm", "verify", RULES)
    assert verified.returncode == 0, verified.stdout + verified.stderr
