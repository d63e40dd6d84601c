"""Temperatures, by the kernel's thermal zones, its hardware monitors, and the driver of a Coral on PCIe."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from appliance.files import kernel_text

_MOST_SENSORS = 32


def temperatures_c(root: Path = Path("/")) -> dict[str, float]:
    """Return each sensor's temperature in °C by its name; a sensor that cannot be read is left out.

    A thermal zone is named by its type ("cpu-thermal"), an input of a hardware monitor by its chip and its
    label ("nvme composite", "rp1_adc temp1"). Zones that a monitor repeats keep both names.
    """
    found: dict[str, float] = {}
    for name, file in (*_zones(root), *_monitors(root), *_corals(root)):
        if len(found) < _MOST_SENSORS and (celsius := _celsius(file)) is not None:
            found[_free(name, found)] = celsius
    return found


def hottest_zone_c(root: Path = Path("/")) -> float | None:
    """Return the temperature of the hottest thermal zone, the processor's, in °C; None without one."""
    readings = [_celsius(file) for _, file in _zones(root)]
    return max((celsius for celsius in readings if celsius is not None), default=None)


def _celsius(file: Path) -> float | None:
    text = kernel_text(file) or ""
    return int(text) / 1000 if re.fullmatch(r"-?[0-9]{1,9}", text) else None


def _zones(root: Path) -> Iterator[tuple[str, Path]]:
    for zone in sorted(root.glob("sys/class/thermal/thermal_zone*")):
        yield kernel_text(zone / "type") or zone.name, zone / "temp"


def _monitors(root: Path) -> Iterator[tuple[str, Path]]:
    for chip in sorted(root.glob("sys/class/hwmon/hwmon*")):
        name = kernel_text(chip / "name") or chip.name
        for file in sorted(chip.glob("temp*_input")):
            sensor = file.name.removesuffix("_input")
            yield f"{name} {(kernel_text(chip / f'{sensor}_label') or sensor).lower()}", file


def _corals(root: Path) -> Iterator[tuple[str, Path]]:
    for coral in sorted(root.glob("sys/class/apex/apex_*")):
        yield coral.name, coral / "temp"


def _free(name: str, taken: Mapping[str, float]) -> str:
    """Return `name`, numbered where another sensor has it already."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} {number}"
    return free
