"""Whether the service runs, and whether something that starts it again would end a hang of all."""

from collections.abc import Mapping
from pathlib import Path

from appliance.doctor.check import Check
from appliance.doctor.running import Running
from appliance.files import kernel_text
from appliance.service.notify import MEASURING

_SETTINGS_STATUS = "78"
"""The exit status of a wrong configuration, after which systemd leaves the service stopped."""


def service(running: Running | None, unit: Mapping[str, str]) -> Check:
    """Say whether the service runs, and how often it had to start again in this boot."""
    restarts = _restarts(running, unit)
    again = f", started again {restarts} times in this boot" if restarts else ""
    if running is not None and running.unable is not None:
        advice = (
            "systemd starts it again within seconds; if that does not help, journalctl -u janban says more"
        )
        return Check("service", "fail", f"runs, but cannot measure: {running.unable}{again}", advice)
    if running is not None:
        said = unit.get("StatusText", "")
        if said not in ("", MEASURING):
            advice = "see what warns below; journalctl -b -u janban has the rest"
            return Check("service", "warn", f"runs, but says: {said}{again}", advice)
        if restarts:
            return Check("service", "warn", f"runs{again}", "journalctl -b -u janban says why it ended")
        return Check("service", "ok", "runs")
    if unit.get("ActiveState") == "failed" or unit.get("ExecMainStatus") == _SETTINGS_STATUS:
        advice = "mend what fails below, then: systemctl restart janban; systemctl status janban says more"
        return Check("service", "fail", "was started, and has given up", advice)
    return Check("service", "warn", "does not run", "systemctl enable --now janban")


def another_boxs_service() -> Check:
    """Say that another box's service answers in place of ours, as on a workbench that runs two."""
    advice = "stop that one, or set service.metrics_port to another port; the checks below go without it"
    return Check("service", "warn", "another box's service answers on service.metrics_port", advice)


def watchdog(root: Path) -> Check:
    """Look whether the hardware would end a hang of the whole machine."""
    dogs = sorted(root.glob("sys/class/watchdog/watchdog*"))
    if not dogs:
        return Check(
            "watchdog",
            "warn",
            "this machine has no hardware watchdog",
            "on a Raspberry Pi: dtparam=watchdog=on in config.txt; elsewhere a hang waits for a person",
        )
    for dog in dogs:
        if kernel_text(dog / "state") == "active":
            return Check("watchdog", "ok", f"on, {kernel_text(dog / 'timeout') or '?'} s")
    advice = "install systemd/system.conf.d/janban.conf, then reboot"
    return Check("watchdog", "warn", "there is a hardware watchdog, but nobody uses it", advice)


def _restarts(running: Running | None, unit: Mapping[str, str]) -> int:
    """Return the starts after the first one, by whichever of the two knows."""
    starts = None if running is None else running.value("starts_this_boot")
    if starts is not None:
        return max(0, int(starts) - 1)
    counted = unit.get("NRestarts", "")
    return int(counted) if counted.isdecimal() else 0
