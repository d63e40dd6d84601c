"""`appliance compare`: what the variant reads beside the settings that count, over the stored readings."""

import argparse
import dataclasses
import json

from appliance.config import load
from appliance.readings.browse import stored_readings
from appliance.readings.comparison import AGREEMENT, Comparison, compare
from appliance.service.assemble import STORE_FILE


def command(options: argparse.Namespace) -> int:
    """Compare every variant that the box's readings tell of; raises `JanbanError`."""
    store = load(options.config).device.state_dir / STORE_FILE
    found = compare(stored_readings(store))
    if options.json:
        for one in found:
            print(json.dumps(dataclasses.asdict(one), default=str))
    elif found:
        print("\n".join(describe(one) for one in found))
    else:
        print(f"{store}: no reading tells of a variant; put a section [variant] into the configuration")
    return 0


def describe(one: Comparison) -> str:
    """Put a comparison into words for people; leftovers in per cent, differences in points."""
    lines = [f"{one.name}: {one.trays} trays, {one.skipped} skipped"]
    if not one.trays:
        return lines[0]
    lines += [
        f"  whole trays: {one.tray_a:.1%} left, {one.name} {one.tray_b:.1%}; {one.cost_ms:.0f} ms more each",
        f"  well   left  {one.name[:10]:>10}   apart   agree within {100 * AGREEMENT:.0f}",
    ]
    lines += [
        f"  {well.id:>4}  {well.a:5.1%}  {well.b:10.1%}  {100 * well.apart:6.1f}   {well.agree:.0%}"
        for well in one.wells
    ]
    if one.unlike:
        lines.append("  trays to look at:")
    lines += [
        f"    #{tray.sequence} of {tray.captured_at.astimezone():%Y-%m-%d %H:%M:%S}, well {tray.well}:"
        f" {tray.a:.0%}, {one.name} {tray.b:.0%}"
        for tray in one.unlike
    ]
    return "\n".join(lines)
