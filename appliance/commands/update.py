"""`appliance update`: what root does for an update of the whole system."""

import argparse
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from appliance.clock import SystemClock
from appliance.config import load
from appliance.doctor.check import Check
from appliance.doctor.examine import examine
from appliance.doctor.running import ask
from appliance.update import record
from appliance.update.bootloader import Bootloader
from appliance.update.install import STAGED, install
from appliance.update.machine import Machine
from appliance.update.settle import settle
from appliance.update.trial import Verdict, await_verdict

_NOTED: Final = "var/lib/janban-update/last.json"
_DECISIVE: Final = {"service", "camera", "calibration", "models", "disk", "store"}
"""Checks of the doctor that an update has to pass; what broker, clock or weather do is not its fault."""


def command(options: argparse.Namespace) -> int:
    """Install, settle or tell, and say in one line what was done."""
    bootloader, machine = Bootloader(options.root), Machine()
    noted = options.root / _NOTED
    match options.what:
        case "install":
            print(install(options.bundle, bootloader, machine, noted, again=options.again))
        case "settle":
            # What a power cut left of an installation.
            noted.with_name(STAGED).unlink(missing_ok=True)
            said = settle(bootloader, machine, lambda: _verdict(options.config))
            last = record.load(noted)
            if last is not None and not last.outcome and bootloader.load().trial == "none":
                record.save(noted, replace(last, outcome=said))
            print(said)
        case _:
            told = _told(bootloader, record.load(noted))
            print(
                json.dumps(told)
                if options.json
                else "\n".join(f"{key}: {told[key] or 'none'}" for key in told)
            )
    return 0


def _verdict(config: Path) -> Verdict:
    """Judge the system that runs on trial; a configuration that it cannot read counts against it."""
    settings = load(config)

    return await_verdict(
        lambda: ask(settings.service.metrics_port), lambda: _faults(examine(settings)), SystemClock()
    )


def _faults(checks: Iterable[Check]) -> list[str]:
    """Return what an update fails for, of all that the doctor finds."""
    return [
        f"{check.name}: {check.found}"
        for check in checks
        if check.name in _DECISIVE and check.state == "fail"
    ]


def _told(bootloader: Bootloader, last: record.Attempt | None) -> dict[str, object]:
    state = bootloader.load()
    return {
        "runs": bootloader.current(),
        "default": state.default,
        "spare": "good" if state.spare_good else "empty or bad",
        "trial": state.trial,
        "last": None if last is None else last.name,
        "last_outcome": None if last is None else last.outcome or "not known yet",
    }
