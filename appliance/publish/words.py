"""A reading in words and bars, for people at a terminal."""

from collections.abc import Iterator
from datetime import datetime

from appliance.readings.measurement import CompartmentMeasurement
from appliance.readings.reading import Reading
from appliance.readings.variant import Variant

_BAR_CELLS = 6
_WELLS_PER_LINE = 5
_INDENT = "  "


def in_words(reading: Reading, *, ascii_only: bool = False) -> str:
    """Return one line about the tray, and below it the bars of its compartments, five to a line.

    Times are local; `~` stands before one that a box without a set clock gave.
    """
    lines = [f"{_time(reading)}  {reading.site}/{reading.device} #{reading.sequence}  {_verdict(reading)}"]
    wells = [_well(well, "#." if ascii_only else "█░") for well in reading.compartments]
    rows = (wells[first : first + _WELLS_PER_LINE] for first in range(0, len(wells), _WELLS_PER_LINE))
    lines.extend(_INDENT + "  ".join(row) for row in rows)
    if reading.variant is not None:
        lines.extend(_INDENT + line for line in _variant(reading.variant))
    return "\n".join(lines)


def _time(reading: Reading) -> str:
    local = _local(reading.captured_at)
    shown = f"{local:%Y-%m-%d %H:%M:%S}" if reading.historical else f"{local:%H:%M:%S}"
    return shown if reading.clock == "synced" else f"~{shown}"


def _local(when: datetime) -> datetime:
    try:
        return when.astimezone()
    except (OverflowError, ValueError):  # the first and last hours of the calendar
        return when


def _verdict(reading: Reading) -> str:
    late = " (late)" if reading.historical else ""
    if reading.leftover is None:
        return f"rejected: {reading.reason}{late}"
    degraded = "" if reading.reason is None else f", {reading.status}: {reading.reason}"
    return f"{reading.leftover:4.0%} left{degraded}{late}"


def _well(well: CompartmentMeasurement, inks: str) -> str:
    filled = round(well.leftover * _BAR_CELLS)
    return f"{well.id:>2} {inks[0] * filled}{inks[1] * (_BAR_CELLS - filled)} {well.leftover:4.0%}"


def _variant(variant: Variant) -> Iterator[str]:
    """Yield what the variant read, its wells right below those that count."""
    if variant.leftover is None:
        yield f"{variant.name}: skipped: {variant.skipped}"
        return
    yield f"{variant.name}: {variant.leftover:4.0%} left"
    wells = [f"{well.id:>2} {'':{_BAR_CELLS}} {well.leftover:4.0%}" for well in variant.compartments]
    for first in range(0, len(wells), _WELLS_PER_LINE):
        yield "  ".join(wells[first : first + _WELLS_PER_LINE])
