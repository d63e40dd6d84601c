"""Whether the networks are whole and run."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from appliance.doctor.check import Check
from appliance.doctor.instruments import Instruments
from appliance.doctor.running import Running
from appliance.errors import InferenceError, ModelError, ParityError
from appliance.inference.manifest import Device
from appliance.inference.parity import parity_of
from appliance.inference.selection import Selection, select
from appliance.inference.settings import ModelSettings
from appliance.inference.verify import verify_file
from appliance.inference.wire import Ready

_PLACES: Final = {"edgetpu": "the Edge TPU", "cpu": "the processor"}


def models(settings: ModelSettings, tools: Instruments, running: Running | None) -> Check:
    """Compare every network's file with the manifest, and run each on a known picture in another process.

    Where the service runs them, it is asked instead: an Edge TPU serves one process at a time.
    """
    if settings.folder is None:
        return Check(
            "models", "ok", "models.folder is not set: leftovers are measured by back projection alone"
        )
    without = "or take models.folder out of the configuration: back projection does without networks"
    corals = bool(tools.machine.corals())
    try:
        selection = select(settings.folder)
        for file in (file for entry in selection.entries.values() for file in entry.files):
            verify_file(settings.folder, file)
        if running is not None:
            return _in_service(settings, selection, running, corals=corals)
        said = tools.try_out(settings, selection, tools.clock, tools.machine.root).said
    except ModelError as error:
        return Check("models", "fail", str(error), without)
    check = _judgement(settings, selection, said, corals=corals)
    return check if check.state != "fail" else replace(check, advice=without)


def _in_service(settings: ModelSettings, selection: Selection, running: Running, *, corals: bool) -> Check:
    found = f"{_versions(selection)} in {settings.folder}"
    if not running.answers:
        advice = "systemctl stop janban, then try again; with service.metrics_port set, the service is asked"
        return Check("models", "warn", f"{found}; the service has them, and answers no questions", advice)
    devices = {labels.get("device", "") for labels in running.labels("model_info")}
    if running.value("networks_ready") != 1 or not devices:
        faults = running.count("network_faults")
        advice = "restart the service; if they do not come back, journalctl -b -u janban says why"
        what = f"{found}; in the service they do not run now, after {faults} faults since its start"
        return Check("models", "fail", what, advice)
    found += f", run in the service on {', '.join(_PLACES.get(one, one) for one in sorted(devices))}"
    if corals and devices == {"cpu"} and settings.device != "cpu":
        advice = "the Coral is tried again by itself; if it stays so, unplug it and plug it in again"
        return Check("models", "warn", f"{found}: it stands in for the Coral", advice)
    return _doubtful(selection, found) or Check("models", "ok", found)


def _judgement(
    settings: ModelSettings,
    selection: Selection,
    said: Mapping[Device, Ready | InferenceError],
    *,
    corals: bool,
) -> Check:
    found = f"{_versions(selection)} in {settings.folder}"
    faults = " | ".join(f"{_PLACES[on]}: {said[on]}" for on in said if isinstance(said[on], InferenceError))
    working = [f"{_PLACES[on]} ({_times(one)})" for on, one in said.items() if isinstance(one, Ready)]
    if not working:
        return Check("models", "fail", f"{found}, which do not run on {faults}")
    found += f", run on {working[0]}"
    if faults:
        advice = "if the service runs, it holds the Edge TPU: systemctl stop janban, then try again"
        if any(isinstance(one, ParityError) for one in said.values()):
            advice = "the processor stands in meanwhile; the service resets the Coral, and tries it again"
        return Check("models", "warn", f"{found}, not on {faults}", advice)
    if settings.device == "auto" and "edgetpu" not in selection.devices and corals:
        return Check("models", "warn", f"{found}: no models for the Coral", "compile them: convert edgetpu")
    return _doubtful(selection, found) or Check("models", "ok", found)


def _doubtful(selection: Selection, found: str) -> Check | None:
    return _untrained(selection, found) or _unproven(selection, found)


def _unproven(selection: Selection, found: str) -> Check | None:
    """Say it where nobody knows what the networks have to answer."""
    try:
        parity_of(selection.folder, selection)
    except ModelError as error:
        advice = "copy the whole models folder; until then what the networks answer is taken on trust"
        return Check("models", "warn", f"{found}; {error}", advice)
    return None


def _untrained(selection: Selection, found: str) -> Check | None:
    untrained = [entry.name for entry in selection.entries.values() if not entry.origin.trained]
    if not untrained:
        return None
    advice = f"random weights measure nothing: for a canteen, convert trained ones of {', '.join(untrained)}"
    return Check("models", "warn", found, advice)


def _versions(selection: Selection) -> str:
    return ", ".join(
        f"{entry.name} ({', '.join(f'{file.device} {file.version}' for file in entry.files)})"
        for entry in selection.entries.values()
    )


def _times(answer: Ready) -> str:
    times = ", ".join(f"{network} {ms:.0f} ms" for network, ms in answer.next_ms.items())
    return times + (f"; against the workstation: {answer.agreement}" if answer.agreement else "")
