"""What the machine says of its clock, heat, power and memory."""

from typing import Final

from appliance.doctor.check import Check
from appliance.service.machine import Machine

_HOT_C: Final = 75.0
_THROTTLING_C: Final = 80.0
"""From here on a Raspberry Pi 4 reduces its clock."""

_LITTLE_MEMORY_MB: Final = 100
_LITTLE_CMA_MB: Final = 16
"""Less than a camera of 1280x960 pixels takes with three buffers."""


def clock(machine: Machine) -> Check:
    """Look whether a time server has set the clock."""
    if machine.clock_synchronised():
        return Check("clock", "ok", "set by a time server")
    advice = "check the network and systemd-timesyncd; until then readings are unsynced, and commands refused"
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


def memory(machine: Machine) -> Check:
    """Look how much memory is left, and how much of that which cameras need in one piece."""
    memory = machine.memory_mb()
    if memory.available is None:
        return Check("memory", "ok", "this machine does not say")
    found = f"{memory.available:.0f} MB available"
    if memory.available < _LITTLE_MEMORY_MB:
        return Check(
            "memory", "warn", found, "end what else runs here; lower models.memory_mb; restart the box"
        )
    if memory.cma_total:
        free = memory.cma_free or 0.0
        found += f", {free:.0f} of {memory.cma_total:.0f} MB contiguous memory free"
        if free < _LITTLE_CMA_MB:
            advice = "a camera may not open again: restart the box, or set cma=256M in cmdline.txt"
            return Check("memory", "warn", found, advice)
    return Check("memory", "ok", found)
