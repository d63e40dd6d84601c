"""What the doctor looks through; tests bring their own."""

import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from appliance.camera.frame import FrameSource
from appliance.camera.open import open_camera
from appliance.camera.settings import CameraSettings
from appliance.clock import Clock, SystemClock
from appliance.doctor.running import Running, ask
from appliance.inference.selection import Selection
from appliance.inference.settings import ModelSettings
from appliance.inference.trial import Trial, try_out
from appliance.service.machine import Machine

LONGEST_S: Final = 40.0
"""What a check may take: the camera's warm-up, or a broker that answers neither version of MQTT."""

_SYSTEMD_S: Final = 5.0


def unit_properties() -> Mapping[str, str]:
    """Return what systemd says of the service; nothing where there is no systemd."""
    names = "ActiveState,NRestarts,ExecMainStatus,StatusText"
    try:
        shown = subprocess.run(  # noqa: S603 - nothing of it is anybody's input
            ["systemctl", "show", "janban.service", f"--property={names}"],  # noqa: S607 - in PATH everywhere
            capture_output=True,
            text=True,
            timeout=_SYSTEMD_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    return dict(line.split("=", 1) for line in shown.stdout.splitlines() if "=" in line)


@dataclass(frozen=True)
class Instruments:
    """The machine, its devices, and the service where it runs."""

    machine: Machine = field(default_factory=Machine)
    clock: Clock = field(default_factory=SystemClock)
    open_camera: Callable[[CameraSettings, Clock], FrameSource] = open_camera
    try_out: Callable[[ModelSettings, Selection, Clock, Path], Trial] = try_out
    free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free
    unit: Callable[[], Mapping[str, str]] = unit_properties
    running: Callable[[int], Running | None] = ask
    longest_s: float = LONGEST_S
