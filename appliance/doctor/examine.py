"""All checks, one after the other."""

import threading
from collections.abc import Callable, Iterator
from typing import Final

from appliance.config import Settings
from appliance.doctor.artifacts import artifacts
from appliance.doctor.board import clock, memory, power, temperature
from appliance.doctor.broker import broker
from appliance.doctor.calibration import calibration
from appliance.doctor.camera import camera
from appliance.doctor.check import Check
from appliance.doctor.commands import commands
from appliance.doctor.identity import identity, secrets
from appliance.doctor.instruments import Instruments
from appliance.doctor.models import models
from appliance.doctor.running import Running
from appliance.doctor.service import another_boxs_service, service, watchdog
from appliance.doctor.storage import disk, store
from appliance.doctor.tpu import tpu
from appliance.service.in_force import look_in_force, with_networks

_HANGS: Final = "its driver or network hangs; unplug and plug in what hangs, or reboot"


def examine(settings: Settings, instruments: Instruments | None = None) -> Iterator[Check]:
    """Yield one check after the other, each as soon as it is known; none of them raises or hangs.

    The service may run meanwhile: it is asked about what it holds.
    """
    tools = instruments or Instruments()
    machine, root = tools.machine, tools.machine.root
    found = look_in_force(settings, root)
    settings = with_networks(settings, found)
    unit = tools.unit()
    running = tools.running(settings.service.metrics_port)
    stranger = running is not None and not running.speaks_for(settings.device.site, settings.device.name)
    if stranger:
        running = None
    if running is None and unit.get("ActiveState") == "active":
        running = Running(None, answers=False)
    checks: dict[str, Callable[[], Check]] = {
        "service": lambda: another_boxs_service() if stranger else service(running, unit),
        "camera": lambda: camera(settings, tools, running),
        "calibration": lambda: calibration(settings),
        "tpu": lambda: tpu(machine, settings.models, running),
        "models": lambda: models(settings.models, tools, running),
        "artifacts": lambda: artifacts(found, tools.clock.utc()),
        "identity": lambda: identity(settings, tools.clock.utc()),
        "secrets": lambda: secrets(settings),
        "broker": lambda: broker(settings, tools.clock, clock_set=machine.clock_synchronised()),
        "commands": lambda: commands(settings),
        "disk": lambda: disk(settings, tools.free_bytes, root),
        "store": lambda: store(settings, tools.clock.utc(), running),
        "clock": lambda: clock(machine),
        "temperature": lambda: temperature(machine),
        "power": lambda: power(machine),
        "memory": lambda: memory(machine),
        "watchdog": lambda: watchdog(root),
    }
    for name, check in checks.items():
        yield _within(tools.longest_s, name, check)


def _within(seconds: float, name: str, check: Callable[[], Check]) -> Check:
    """Run a check in a thread of its own: a driver that hangs must not hang the doctor."""
    answers: list[Check] = []

    def answer() -> None:
        try:
            answers.append(check())
        except Exception as error:  # noqa: BLE001 - the other checks are still worth making
            answers.append(
                Check(name, "fail", f"{type(error).__name__}: {error}", "this is a bug; report it")
            )

    thread = threading.Thread(target=answer, name=f"doctor-{name}", daemon=True)
    thread.start()
    thread.join(seconds)
    return answers[0] if answers else Check(name, "fail", f"no answer within {seconds:g} s", _HANGS)
