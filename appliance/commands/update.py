"""`appliance update`: what root does for an update of the system, or of networks or a menu alone."""

import argparse
import json
import logging
import signal
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Final

from appliance.artifacts.shelf import Kind, Shelf
from appliance.clock import SystemClock
from appliance.config import Settings, load
from appliance.doctor.check import Check
from appliance.doctor.examine import examine
from appliance.doctor.running import ask
from appliance.errors import InferenceError, JanbanError, ModelError, UpdateError
from appliance.image_version import image_built, image_version
from appliance.inference.parity import parity_of
from appliance.inference.selection import Selection
from appliance.inference.settings import ModelSettings
from appliance.inference.trial import try_out
from appliance.inference.whole import whole
from appliance.readings.boot import boot_id
from appliance.service.in_force import check_menu
from appliance.update import record
from appliance.update.alone import Alone
from appliance.update.bootloader import Bootloader
from appliance.update.install import KINDS, REFUSED, Installer, nobody_else, note_outcome, noted, tidy
from appliance.update.machine import Machine
from appliance.update.settle import settle
from appliance.update.trial import Verdict, Wanted, await_verdict, on_edge_tpu

_LOG = logging.getLogger(__name__)

_STATE: Final = "var/lib/janban-update"
_DECISIVE: Final = {"service", "camera", "calibration", "models", "disk", "store"}
"""Checks of the doctor that an update has to pass; what broker, clock or weather do is not its fault."""


def command(options: argparse.Namespace) -> int:
    """Install, settle or tell, and say in one line what was done."""
    bootloader, machine, state = Bootloader(options.root), Machine(), options.root / _STATE
    match options.what:
        case "install":
            built = image_built(options.root)
            installer = Installer(bootloader, machine, state, lambda: _alone(options), built=built)
            _leave_in_order()
            print(installer.install(options.bundle, again=options.again, older=options.older))
        case "settle":
            _settle_alone(options, state)
            said = settle(bootloader, machine, lambda: _verdict(load(options.config)))
            if bootloader.load().trial == "none":
                note_outcome(state, "system", said)
            print(said)
        case _:
            told = _told(bootloader, state)
            print(
                json.dumps(told)
                if options.json
                else "\n".join(f"{key}: {told[key] or 'none'}" for key in told)
            )
    return 0


def _leave_in_order() -> None:
    """Whoever ends an installation gets what was before, and not a trial that nobody judges."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        # nohup has it go on.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda *_: sys.exit(1))


def _alone(options: argparse.Namespace) -> Alone:
    """Return what installs networks and menus; raises `JanbanError` for a box that takes none."""
    settings, root = load(options.config), options.root
    if settings.artifacts.folder is None:
        raise UpdateError(f"{options.config}: names no artifacts.folder, so that only systems can be updated")
    before = ask(settings.service.metrics_port)

    def check_models(folder: Path) -> None:
        if settings.models.folder is None:
            raise ModelError("models.folder is not set: this box does without networks")
        selection = whole(folder)
        parity_of(folder, selection)
        fault = _disagreement(settings.models, selection)
        if fault is not None:
            raise ModelError(f"they do not run on the processor: {fault}")

    def verdict(kind: Kind, version: str) -> Verdict:
        return _verdict(settings, Wanted(kind, version, edgetpu=on_edge_tpu(before)))

    return Alone(
        Shelf(settings.artifacts.folder),
        Machine(),
        {"models": check_models, "menu": partial(check_menu, settings)},
        verdict,
        system=image_version(root),
        built=image_built(root),
        boot=boot_id(),
    )


def _disagreement(settings: ModelSettings, selection: Selection) -> InferenceError | None:
    """Run networks on the processor; what the Coral makes of them, which the service has, the trial shows."""
    own = settings.model_copy(update={"folder": selection.folder, "device": "cpu"})
    said = try_out(own, selection, SystemClock()).said.values()
    return next((one for one in said if isinstance(one, InferenceError)), None)


def _settle_alone(options: argparse.Namespace, state: Path) -> None:
    """Note the trials that the last boot did not end; what ails them must not keep a slot waiting."""
    try:
        with nobody_else(state):
            tidy(state)
            for kind, line in _alone(options).settle().items():
                note_outcome(state, kind, line)
                print(line)
    except JanbanError as error:
        _LOG.info("networks and menus alone are not looked after: %s", error)


def _verdict(settings: Settings, wanted: Wanted | None = None) -> Verdict:
    """Judge what runs on trial."""
    return await_verdict(
        lambda: ask(settings.service.metrics_port),
        lambda: _faults(examine(settings)),
        SystemClock(),
        wanted,
    )


def _faults(checks: Iterable[Check]) -> list[str]:
    """Return what an update fails for, of all that the doctor finds."""
    return [
        f"{check.name}: {check.found}"
        for check in checks
        if check.name in _DECISIVE and check.state == "fail"
    ]


def _told(bootloader: Bootloader, state: Path) -> dict[str, object]:
    slots = bootloader.load()
    told: dict[str, object] = {
        "runs": bootloader.current(),
        "default": slots.default,
        "spare": "good" if slots.spare_good else "empty or bad",
        "trial": slots.trial,
    }
    for kind in KINDS:
        last = record.load(noted(state, kind))
        prefix = "last" if kind == "system" else f"last_{kind}"
        told[prefix] = None if last is None else last.name
        told[f"{prefix}_outcome"] = None if last is None else last.outcome or "not known yet"
    refused = record.load(state / REFUSED)
    told["refused"] = None if refused is None else refused.outcome
    return told
