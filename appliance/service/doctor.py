"""Checks whether this box can do its work, and says what to do where it cannot."""

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

from appliance.budget import Budget
from appliance.camera.frame import EndOfFrames, FrameSource
from appliance.camera.health import fault_of
from appliance.camera.open import open_camera
from appliance.camera.settings import CameraSettings, PicameraSettings, UsbSettings
from appliance.clock import Clock, Deadline, SystemClock
from appliance.config import Settings
from appliance.errors import InferenceError, JanbanError, ModelError
from appliance.estimate.settings import EstimateSettings
from appliance.inference.manifest import Device
from appliance.inference.selection import Selection, select
from appliance.inference.settings import ModelSettings
from appliance.inference.trial import Trial, try_out
from appliance.inference.verify import verify_file
from appliance.inference.wire import Ready
from appliance.picture import Picture
from appliance.publish.dial import dial
from appliance.publish.endpoint import Endpoint
from appliance.publish.link import Caller, LinkError
from appliance.service.assemble import open_judge
from appliance.service.machine import Machine
from appliance.tray.calibration_folder import load_calibration

_LONGEST_S = 25.0
"""What a check may take: the camera's warm-up, or a broker that answers neither version of MQTT."""

_FRAME_S = 1.0
_FULL_DISK_MB = 50
_HOT_C = 75.0
_THROTTLING_C = 80.0
"""From here on a Raspberry Pi 4 reduces its clock."""

_PLACES = {"edgetpu": "the Edge TPU", "cpu": "the processor"}

_HANGS = "its driver or network hangs; unplug and plug in what hangs, or reboot"


@dataclass(frozen=True)
class Check:
    """One answer: `found` says what is there, `advice` what to do about it; it is empty where all is well."""

    name: str
    state: Literal["ok", "warn", "fail"]
    found: str
    advice: str = ""

    def as_json(self) -> str:
        """Return the check as one line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)

    def as_text(self) -> str:
        """Return the check as one line for people, with the advice on a second one."""
        return f"{self.state:4}  {self.name:11}  {self.found}" + (
            f"\n      → {self.advice}" if self.advice else ""
        )


@dataclass(frozen=True)
class Instruments:
    """What the doctor looks through; tests bring their own."""

    machine: Machine = field(default_factory=Machine)
    clock: Clock = field(default_factory=SystemClock)
    open_camera: Callable[[CameraSettings, Clock], FrameSource] = open_camera
    try_out: Callable[[ModelSettings, Selection, Clock, Path], Trial] = try_out
    free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free
    longest_s: float = _LONGEST_S


def examine(settings: Settings, instruments: Instruments | None = None) -> Iterator[Check]:
    """Yield one check after the other, each as soon as it is known; none of them raises or hangs."""
    tools = instruments or Instruments()
    checks: dict[str, Callable[[], Check]] = {
        "camera": lambda: camera(settings, tools),
        "calibration": lambda: calibration(settings),
        "tpu": lambda: tpu(tools.machine, networks=settings.models.folder is not None),
        "models": lambda: models(settings.models, tools),
        "broker": lambda: broker(settings, tools.clock),
        "disk": lambda: disk(settings, tools.free_bytes),
        "clock": lambda: clock(tools.machine),
        "temperature": lambda: temperature(tools.machine),
        "power": lambda: power(tools.machine),
    }
    for name, check in checks.items():
        yield _within(tools.longest_s, name, check)


def exit_status(checks: Iterable[Check]) -> int:
    """Return 1 if anything failed, else 0."""
    return int(any(check.state == "fail" for check in checks))


def camera(settings: Settings, tools: Instruments) -> Check:
    """Look at what the camera sees."""
    kind, open_s = settings.camera.kind, Budget.of(settings.deadline).camera_open_s
    try:
        with tools.open_camera(settings.camera, tools.clock) as source:
            picture = _picture(source, Deadline.after(open_s, tools.clock))
    except EndOfFrames:
        return Check("camera", "fail", f"{kind} has no pictures", "name a folder or a video that has some")
    except JanbanError as error:
        held = "if the service runs, it holds the camera: systemctl stop janban, then try again"
        return Check("camera", "fail", str(error), f"check its cable; {held}")
    height, width = picture.shape[:2]
    found = f"{kind}, {width}x{height} pixels"
    if fault := fault_of(picture):
        return Check("camera", "fail", f"{found}: {fault}", "look at the lens and the light")
    if not isinstance(settings.camera, PicameraSettings | UsbSettings):
        return Check("camera", "warn", f"{found}, no real camera", "choose another camera.kind for a canteen")
    return Check("camera", "ok", found)


def calibration(settings: Settings) -> Check:
    """Load the calibration, and look whether it is enough for the settings."""
    folder = settings.device.calibration_dir
    try:
        found = load_calibration(folder)
    except JanbanError as error:
        again = f"appliance calibrate --empty EMPTY.jpg --full FULL.jpg --out {folder}"
        return Check("calibration", "fail", str(error), again)
    words = f"{len(found.layout.compartments)} compartments, in {folder}"
    for section, estimate in _estimates(settings):
        try:
            open_judge(found, estimate)
        except ValueError as error:
            advice = f"calibrate with --full, for every meal, or change [{section}]"
            return Check("calibration", "fail", f"{words}, not enough for [{section}]: {error}", advice)
    if found.full is None:
        return Check(
            "calibration", "warn", f"{words}, no full serving", "calibrate with --full, for every meal"
        )
    return Check("calibration", "ok", words)


def _estimates(settings: Settings) -> Iterator[tuple[str, EstimateSettings]]:
    yield "estimate", settings.estimate
    if settings.variant is not None:
        yield "variant.estimate", settings.variant.estimate


def tpu(machine: Machine, *, networks: bool = True) -> Check:
    """Look for a Coral on the USB or PCIe, and for its runtime library; without `networks` none is needed."""
    corals, library = machine.corals(), machine.libedgetpu()
    if not corals and not networks:
        return Check("tpu", "ok", "no Coral found, and no networks that would need one")
    if not corals:
        return Check(
            "tpu",
            "warn",
            "no Coral found",
            "the processor runs the networks; plug one in to have them faster",
        )
    if not all(coral.usable for coral in corals):
        rules = "install systemd/udev/70-janban.rules, plug it in again, and run this as the user janban"
        return Check("tpu", "warn", f"{corals[0].node} may not be opened", rules)
    if library is None:
        return Check("tpu", "warn", "Coral found, but no libedgetpu", "install libedgetpu1-std")
    links = ", ".join(coral.link for coral in corals)
    if "USB 2" in links:
        port = "use a USB 3 port (blue) and a USB 3 cable; networks are slower here"
        return Check("tpu", "warn", f"Coral on USB 2, {library.name}", port)
    return Check("tpu", "ok", f"Coral on {links}, {library.name}")


def models(settings: ModelSettings, tools: Instruments) -> Check:
    """Compare every network's file with the manifest, and run each on a test pattern in another process."""
    if settings.folder is None:
        return Check(
            "models", "ok", "models.folder is not set: leftovers are measured by back projection alone"
        )
    without = "or take models.folder out of the configuration: back projection does without networks"
    try:
        selection = select(settings.folder)
        for file in (file for entry in selection.entries.values() for file in entry.files):
            verify_file(settings.folder, file)
        said = tools.try_out(settings, selection, tools.clock, tools.machine.root).said
    except ModelError as error:
        return Check("models", "fail", str(error), without)
    check = _judgement(settings, selection, said, corals=bool(tools.machine.corals()))
    return check if check.state != "fail" else replace(check, advice=without)


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
        held = "if the service runs, it holds the Edge TPU: systemctl stop janban, then try again"
        return Check("models", "warn", f"{found}, not on {faults}", held)
    if settings.device == "auto" and "edgetpu" not in selection.devices and corals:
        return Check("models", "warn", f"{found}: no models for the Coral", "compile them: convert edgetpu")
    if untrained := [entry.name for entry in selection.entries.values() if not entry.origin.trained]:
        advice = (
            f"random weights measure nothing: for a canteen, convert trained ones of {', '.join(untrained)}"
        )
        return Check("models", "warn", found, advice)
    return Check("models", "ok", found)


def broker(settings: Settings, clock: Clock) -> Check:
    """Connect to the broker as the service would, though under another client id, and without a will."""
    mqtt = settings.mqtt
    try:
        link = dial(
            Endpoint.of(mqtt), Caller(f"janban-{settings.device.site}-{settings.device.name}-doctor"), clock
        )
    except JanbanError as error:
        return Check("broker", "fail", str(error), "correct [mqtt] in the configuration")
    except LinkError as error:
        waiting = "check mqtt.host, the network and the broker's log; readings are kept until it answers"
        return Check("broker", "fail", str(error), waiting)
    link.close()
    tls = "TLS" if mqtt.tls else "no TLS"
    return Check("broker", "ok", f"{mqtt.host}:{mqtt.port}, MQTT {link.version}, {tls}")


def disk(settings: Settings, free_bytes: Callable[[Path], int]) -> Check:
    """Look whether the state folder can be written, and whether the store has room to grow."""
    folder = settings.device.state_dir
    if not os.access(folder, os.W_OK | os.X_OK):
        advice = "create it with systemd/tmpfiles.d/janban.conf, and run this as the user janban"
        return Check("disk", "fail", f"{folder} cannot be written", advice)
    free_mb, wanted_mb = free_bytes(folder) / 1e6, settings.store.max_mb
    found = f"{free_mb:.0f} MB free at {folder}"
    if free_mb < _FULL_DISK_MB:
        return Check("disk", "fail", found, "free some space: readings cannot be stored")
    if free_mb < wanted_mb:
        return Check(
            "disk", "warn", f"{found}, less than store.max_mb = {wanted_mb:g}", "free some, or lower it"
        )
    return Check("disk", "ok", found)


def clock(machine: Machine) -> Check:
    """Look whether a time server has set the clock."""
    if machine.clock_synchronised():
        return Check("clock", "ok", "set by a time server")
    advice = "check the network and systemd-timesyncd; until then readings are marked as unsynced"
    return Check("clock", "warn", "not set by a time server since boot", advice)


def temperature(machine: Machine) -> Check:
    """Look at the hottest sensor."""
    hottest_c = machine.temperature_c()
    if hottest_c is None:
        return Check("temperature", "ok", "no sensor")
    found = f"{hottest_c:.0f} °C"
    if hottest_c >= _THROTTLING_C:
        return Check("temperature", "fail", f"{found}: the processor is slowed down", "cool the box")
    if hottest_c >= _HOT_C:
        return Check(
            "temperature", "warn", found, f"give the box air: from {_THROTTLING_C:g} °C it slows down"
        )
    return Check("temperature", "ok", found)


def power(machine: Machine) -> Check:
    """Look at what the firmware says of voltage and throttling."""
    complaints = machine.throttling()
    if complaints is None:
        return Check("power", "ok", "this machine does not say")
    if complaints:
        advice = (
            "use the official power supply and a short cable"
            if "voltage" in complaints[0]
            else "cool the box"
        )
        return Check("power", "warn", ", ".join(complaints), advice)
    return Check("power", "ok", "no under-voltage, no throttling")


def _versions(selection: Selection) -> str:
    return ", ".join(
        f"{entry.name} ({', '.join(f'{file.device} {file.version}' for file in entry.files)})"
        for entry in selection.entries.values()
    )


def _times(answer: Ready) -> str:
    return ", ".join(f"{network} {ms:.0f} ms" for network, ms in answer.next_ms.items())


def _picture(source: FrameSource, deadline: Deadline) -> Picture:
    """Return the first good picture, or the last one in time: the very first may be black."""
    while True:
        picture = source.read(deadline.remaining_s).image
        if fault_of(picture) is None or deadline.remaining_s < _FRAME_S:
            return picture


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
