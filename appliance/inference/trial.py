"""Whether the networks run here: opened and run on a test pattern, in a process that is ended afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from appliance.budget import WATCHDOG_S
from appliance.clock import Clock
from appliance.errors import BrokenRunError, InferenceError
from appliance.inference.both import open_both
from appliance.inference.devices import edge_tpus
from appliance.inference.manifest import Device
from appliance.inference.open import usable_devices
from appliance.inference.process import Limits, NetworksProcess
from appliance.inference.selection import Selection
from appliance.inference.settings import ModelSettings
from appliance.inference.wire import Factory, Job, Ready

_LONGEST_S: Final = WATCHDOG_S / 3
_LOOK_S: Final = 0.05


@dataclass(frozen=True)
class Trial:
    """What each device said that was tried, the one to use first: it ran, or why not."""

    said: Mapping[Device, Ready | InferenceError]


def try_out(settings: ModelSettings, selection: Selection, clock: Clock, root: Path = Path("/")) -> Trial:
    """Run the networks on every device that the settings allow; the Edge TPU if one is there or expected.

    Takes seconds. Raises `ModelError` where the settings ask for a device that the folder has no models for.
    """
    limits = Limits(_LONGEST_S, _LONGEST_S, _LONGEST_S, _LONGEST_S, _LONGEST_S, settings.memory_mb)
    factory = partial(open_both, selection, settings.threads, root)
    return Trial(
        {
            device: _run_once(factory, selection, device, limits, clock)
            for device in usable_devices(settings, selection)
            if device == "cpu" or settings.device == "edgetpu" or edge_tpus(root)
        }
    )


def _run_once(
    factory: Factory, selection: Selection, device: Device, limits: Limits, clock: Clock
) -> Ready | InferenceError:
    try:
        process = NetworksProcess(Job(factory, device, selection.files(device), selection), limits, clock)
    except OSError as error:
        return BrokenRunError(f"its process cannot be started: {error.strerror}")
    try:
        while (fault := process.fault()) is None and process.ready is None:
            clock.sleep_s(_LOOK_S)
        return fault or process.ready or BrokenRunError("ended without a word")
    finally:
        process.stop()
