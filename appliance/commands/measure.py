"""`appliance measure`: one measurement per picture."""

import argparse
import sys
from pathlib import Path

from appliance.clock import SystemClock
from appliance.errors import PictureError
from appliance.estimate.back_projection import BackProjectionParameters
from appliance.picture import load_picture, save_picture
from appliance.readings.measurement import Measurement, Outcome
from appliance.service.pipeline import TrayMeasurer, overlay, rejected
from appliance.service.stages import Stages
from appliance.tray.calibration_folder import load_calibration


def command(options: argparse.Namespace) -> int:
    """Measure every picture; one that cannot be read is rejected and makes the exit status 1."""
    clock = SystemClock()
    measurer = TrayMeasurer(load_calibration(options.calibration), BackProjectionParameters(), clock)
    unread = 0
    for image in options.images:
        stages = Stages(clock)
        try:
            with stages.time("decode"):
                picture = load_picture(image)
        except PictureError as error:
            unread += 1
            tray = rejected(str(error), stages)
        else:
            tray = measurer.measure(picture, stages=stages)
            if options.overlay is not None:
                save_picture(overlay_path(options.overlay, image), overlay(picture, tray))
        outcome = tray.outcome
        if options.json:
            fields = {name: getattr(outcome, name) for name in Outcome.model_fields}
            print(Measurement(image=str(image), **fields).model_dump_json(), flush=True)
        else:
            print(describe(str(image), outcome), flush=True)
    if unread:
        print(f"appliance: {unread} of {len(options.images)} pictures could not be read", file=sys.stderr)
    return 1 if unread else 0


def overlay_path(folder: Path, image: Path) -> Path:
    """Return where the overlay of `image` goes; the folder is made if needed.

    Raises `PictureError` if it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PictureError(f"{folder}: no folder for overlays ({error.strerror}); name another one") from None
    return folder / f"{image.stem}.overlay.png"


def describe(name: str, outcome: Outcome) -> str:
    """Put an outcome into words for people."""
    if outcome.leftover is None:
        return f"{name}: {outcome.status}: {outcome.reason}"
    lines = [
        f"{name}: {outcome.leftover:.0%} left, {outcome.status}"
        + (f": {outcome.reason}" if outcome.reason else "")
    ]
    for c in outcome.compartments:
        flags = f"  ({', '.join(c.flags)})" if c.flags else ""
        lines.append(f"  {c.id}  {c.leftover:4.0%} ±{c.uncertainty:.0%}{flags}")
    return "\n".join(lines)
