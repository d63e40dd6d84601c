"""Whether a Coral is there, can be opened, and stays."""

from typing import Final

from appliance.doctor.check import Check
from appliance.doctor.running import Running
from appliance.inference.settings import ModelSettings
from appliance.service.machine import Machine

_RULES: Final = "install systemd/udev/70-janban.rules, plug it in again, and run this as the user janban"
_REPLUG: Final = (
    "unplug it, wait ten seconds and plug it in again, or cut the box's power: a reboot may not do"
)
_CABLE: Final = "use a shorter, better USB 3 cable and the board's own port, and check the power supply"
_OFTEN: Final = 3
"""New enumerations since the start of the service; one is the firmware that the runtime loads."""


def tpu(machine: Machine, models: ModelSettings, running: Running | None) -> Check:
    """Look for a Coral on the USB or PCIe, and for its runtime library; without networks none is needed."""
    corals, library = machine.corals(), machine.libedgetpu()
    if not corals:
        return _absent(models, running)
    if not all(coral.usable for coral in corals):
        return Check("tpu", "warn", f"{corals[0].node} may not be opened", _RULES)
    if library is None:
        return Check("tpu", "warn", "Coral found, but no libedgetpu", "install libedgetpu1-std")
    links = ", ".join(coral.link for coral in corals)
    if running is not None and (again := running.count("tpu_reenumerations")) >= _OFTEN:
        found = f"Coral on {links}, which connected anew {again} times since the service started"
        return Check("tpu", "warn", found, _CABLE)
    if "USB 2" in links:
        port = "use a USB 3 port (blue) and a USB 3 cable; networks are slower here"
        return Check("tpu", "warn", f"Coral on USB 2, {library.name}", port)
    return Check("tpu", "ok", f"Coral on {links}, {library.name}")


def _absent(models: ModelSettings, running: Running | None) -> Check:
    if models.folder is None:
        return Check("tpu", "ok", "no Coral found, and no networks that would need one")
    seen = ("tpu_reenumerations", "tpu_usb_resets", "tpu_power_cycles")
    if running is not None and any(running.count(name) for name in seen):
        return Check("tpu", "fail", "the Coral was here and has vanished; the processor stands in", _REPLUG)
    if models.device == "edgetpu":
        return Check("tpu", "fail", "no Coral found, and models.device asks for one", _REPLUG)
    return Check(
        "tpu", "warn", "no Coral found", "the processor runs the networks; plug one in to have them faster"
    )
