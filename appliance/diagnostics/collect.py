"""Collects what support asks for first; every part that cannot be had says why, and costs no other."""

import dataclasses
import hashlib
import importlib.metadata
import json
import platform
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from appliance import __version__
from appliance.config import Settings
from appliance.diagnostics.archive import pack
from appliance.doctor.examine import examine
from appliance.doctor.instruments import Instruments
from appliance.errors import JanbanError
from appliance.files import kernel_text
from appliance.inference.manifest import FILE_NAME
from appliance.inference.parity import FILE_NAME as PARITY_FILE
from appliance.readings.survey import set_aside, survey
from appliance.redact import redact, redact_tree
from appliance.service.assemble import STORE_FILE
from appliance.service.in_force import look_in_force, with_networks

LIMIT_BYTES: Final = 2_000_000
LIMIT_IN_MESSAGE_BYTES: Final = 200_000
"""What a result on MQTT brings at most."""

_IN_SERVICE_S: Final = 5.0

_LAST_READINGS: Final = 20
_LARGEST_TEXT_BYTES: Final = 1_000_000
_COMMAND_S: Final = 10.0
_JOURNAL: Final = ("journalctl", "--boot", "--no-pager", "--output=short-iso", "--lines=5000")
_UNITS: Final = ("--unit=janban", "--unit=janban-provision")
_KERNEL: Final = ("--dmesg", "--grep=usb|xhci|voltage|thrott|mmc|ext4|apex|watchdog|oom|memory")
_FACTS: Final = (
    *("sys/firmware/devicetree/base/model", "proc/version", "proc/uptime", "proc/meminfo", "proc/mounts"),
    *("proc/loadavg", "sys/devices/platform/soc/soc:firmware/get_throttled"),
    *("sys/class/thermal/thermal_zone*/temp", "sys/class/watchdog/watchdog*/state"),
    *("sys/fs/ext4/*/errors_count", "sys/bus/usb/devices/*/idVendor", "sys/bus/usb/devices/*/idProduct"),
    *("sys/bus/usb/devices/*/speed", "sys/class/apex/apex_*/temp"),
)
_SHORTENED: Final = frozenset({"journal.txt", "kernel.txt", "readings.jsonl", "metrics.txt"})

Part = Callable[[], str | Mapping[str, object] | list[dict[str, object]]]
Run = Callable[[Sequence[str]], str]


def run_command(words: Sequence[str]) -> str:
    """Return the last part of what a command prints, or why it cannot be run."""
    try:
        done = subprocess.run(  # noqa: S603 - the commands are constants of this module
            words, capture_output=True, timeout=_COMMAND_S, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"[{words[0]} cannot be run: {type(error).__name__}]\n"
    said = done.stdout[-_LARGEST_TEXT_BYTES:] or done.stderr[-_LARGEST_TEXT_BYTES:]
    return said.decode("utf-8", errors="replace")


def collect(
    settings: Settings | None,
    instruments: Instruments | None = None,
    *,
    limit_bytes: int = LIMIT_BYTES,
    fault: str | None = None,
    run: Run = run_command,
) -> bytes:
    """Return the archive (tar, gzip). Nothing in it is a picture, and nothing comes out of a secret's file.

    Without `settings` it has what can be known without them, and `fault`, why there are none. What the doctor
    does for it takes `instruments.longest_s` per check at most. Raises ValueError for a limit that is too
    small for even the least.
    """
    tools = instruments or Instruments()
    parts: dict[str, Part] = {
        "about.json": lambda: _about(tools, fault),
        "facts.txt": lambda: _facts(tools.machine.root),
    }
    if settings is not None:
        parts |= _parts_by_settings(settings, tools)
    parts["journal.txt"] = lambda: run((*_JOURNAL, *_UNITS))
    parts["kernel.txt"] = lambda: run((*_JOURNAL, *_KERNEL))
    members = {name: _content(part) for name, part in parts.items()}
    return pack(members, at_s=tools.clock.utc().timestamp(), limit_bytes=limit_bytes, shortened=_SHORTENED)


def collect_in_service(settings: Settings) -> bytes:
    """Return an archive that fits into a message, in the time that a command has: for the service itself.

    It starts no program and opens no device, whatever an operator asks for.
    """
    own = Instruments(unit=lambda: {"ActiveState": "active"}, longest_s=_IN_SERVICE_S)
    return collect(settings, own, limit_bytes=LIMIT_IN_MESSAGE_BYTES, run=_run_nothing)


def _run_nothing(words: Sequence[str]) -> str:
    return f"[{words[0]} is not run from afar; `appliance diagnostics` on the box has it]\n"


def _parts_by_settings(settings: Settings, tools: Instruments) -> Mapping[str, Part]:
    store = settings.device.state_dir / STORE_FILE
    return {
        "configuration.json": lambda: settings.model_dump(mode="json"),
        "doctor.jsonl": lambda: [dataclasses.asdict(check) for check in examine(settings, tools)],
        "metrics.txt": lambda: _metrics(settings, tools),
        "store.json": lambda: _store(store),
        "readings.jsonl": lambda: [json.loads(payload) for payload in survey(store, _LAST_READINGS).last],
        "models.json": lambda: _models(_networks(settings, tools)),
        "layout.toml": lambda: (settings.device.calibration_dir / "layout.toml").read_text(encoding="utf-8"),
    }


def _content(part: Part) -> str:
    """Return a part without secrets: a text as it is, an object as JSON, several as a line of JSON each."""
    try:
        found = part()
    except (JanbanError, OSError, ValueError) as error:
        return redact(f"[{' '.join(str(error).split())}]\n")
    match found:
        case str():
            return redact(found)
        case list():
            return "".join(f"{_json(one, None)}\n" for one in found)
    return _json(found, 2) + "\n"


def _json(value: object, indent: int | None) -> str:
    return json.dumps(redact_tree(value), indent=indent, ensure_ascii=False, default=str)


def _about(tools: Instruments, fault: str | None) -> Mapping[str, object]:
    return {
        "schema": "janban.diagnostics/1",
        "collected_at": tools.clock.utc().isoformat(timespec="seconds"),
        "configuration_fault": fault,
        "software": __version__,
        "python": platform.python_version(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "packages": dict(sorted(_packages())),
    }


def _packages() -> Iterator[tuple[str, str]]:
    for package in importlib.metadata.distributions():
        yield package.metadata["Name"], package.version


def _facts(root: Path) -> str:
    """Return the kernel's small files as they are, each below its name."""
    files = sorted(file for pattern in _FACTS for file in root.glob(pattern))
    return "".join(f"/{file.relative_to(root)}\n{kernel_text(file)}\n\n" for file in files)


def _metrics(settings: Settings, tools: Instruments) -> str:
    running = tools.running(settings.service.metrics_port)
    if running is None:
        return "[the service does not run, or has no metrics]\n"
    return f"# unable: {running.unable}\n{running.text}"


def _store(file: Path) -> Mapping[str, object]:
    found = dataclasses.asdict(survey(file))
    del found["last"]
    return {**found, "bytes": file.stat().st_size, "set_aside": [aside.name for aside in set_aside(file)]}


def _networks(settings: Settings, tools: Instruments) -> Path | None:
    """Return the folder of the networks that are in force."""
    root = tools.machine.root
    return with_networks(settings, look_in_force(settings, root)).models.folder


def _models(folder: Path | None) -> Mapping[str, object]:
    if folder is None:
        return {"folder": None}
    hashes = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted([*folder.glob("*.tflite"), *folder.glob(PARITY_FILE)])
    }
    manifest = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    return {"folder": str(folder), "sha256": hashes, "manifest": manifest}
