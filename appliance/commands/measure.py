"""`appliance measure`: one measurement per picture."""

import argparse
import os
import re
import sys
from pathlib import Path

from appliance.budget import Budget, DeadlineSettings
from appliance.clock import Clock, Deadline, SystemClock
from appliance.config import load_estimate
from appliance.errors import PictureError, printable
from appliance.estimate.settings import VariantSettings
from appliance.picture import Picture, load_picture, save_picture
from appliance.readings.measurement import CompartmentMeasurement, Measurement, Outcome
from appliance.readings.variant import Variant
from appliance.service.assemble import open_shade, unhurried_measurer
from appliance.service.pipeline import MeasuredTray, TrayMeasurer, rejected
from appliance.service.stages import Stages
from appliance.service.tray_overlay import overlay
from appliance.service.variant import Shade
from appliance.tray.calibration_folder import load_calibration

_SHOWN_SHARE = 0.02
_BUDGET = Budget.of(DeadlineSettings())


def command(options: argparse.Namespace) -> int:
    """Measure every picture; one that cannot be read is rejected and makes the exit status 1."""
    clock = SystemClock()
    unread = 0
    shade = None if options.variant is None else _shade(options, clock)
    with unhurried_measurer(options.calibration, options.models, clock) as measurer:
        for image in options.images:
            stages = Stages(clock)
            try:
                with stages.time("decode"):
                    picture = load_picture(image)
            except PictureError as error:
                unread += 1
                # The name is told beside it.
                tray = rejected(str(error).removeprefix(f"{printable(str(image))}: "), stages)
            else:
                tray = _measured(measurer, picture, stages)
                if shade is not None:
                    tray = shade.beside(tray, Deadline.after(_BUDGET.unhurried_s, clock))
                if options.overlay is not None:
                    save_picture(overlay_path(options.overlay, image), overlay(picture, tray))
            print(
                _as_json(image, tray) if options.json else describe(printable(str(image)), tray.outcome),
                flush=True,
            )
    if unread:
        print(f"appliance: {unread} of {len(options.images)} pictures could not be read", file=sys.stderr)
    return 1 if unread else 0


def _shade(options: argparse.Namespace, clock: Clock) -> Shade:
    name = re.sub(r"[^A-Za-z0-9]+", "-", options.variant.stem).strip("-")[:48] or "variant"
    settings = VariantSettings(name=name, estimate=load_estimate(options.variant))
    return open_shade(load_calibration(options.calibration), settings, _BUDGET, clock, options.models)


def _measured(measurer: TrayMeasurer, picture: Picture, stages: Stages) -> MeasuredTray:
    tray = measurer.measure(picture, stages=stages)
    if tray.seen is not None and measurer.complaint is not None:
        print(f"appliance: back projection measured alone: {measurer.complaint}", file=sys.stderr)
    return tray


def _as_json(image: Path, tray: MeasuredTray) -> str:
    fields = {name: getattr(tray.outcome, name) for name in Outcome.model_fields}
    # JSON has no place for the bytes of a name that is not UTF-8.
    name = os.fsencode(image).decode(errors="backslashreplace")
    return Measurement(image=name, models=dict(tray.models), **fields).model_dump_json()


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
    how = "" if outcome.path == "full" else ", by back projection alone"
    lines = [
        f"{name}: {outcome.leftover:.0%} left, {outcome.status}{how}"
        + (f": {outcome.reason}" if outcome.reason else "")
    ]
    for c in outcome.compartments:
        flags = f"  ({', '.join(c.flags)})" if c.flags else ""
        lines.append(f"  {c.id}  {c.leftover:4.0%} ±{c.uncertainty:.0%}{_shares(c)}{flags}")
    if outcome.variant is not None:
        lines += _variant(outcome.variant)
    return "\n".join(lines)


def _variant(variant: Variant) -> list[str]:
    if variant.leftover is None:
        return [f"  {variant.name}: skipped: {variant.skipped}"]
    wells = [f"  {c.id}  {c.leftover:4.0%} ±{c.uncertainty:.0%}" for c in variant.compartments]
    return [f"  {variant.name}: {variant.leftover:.0%} left", *wells]


def _shares(compartment: CompartmentMeasurement) -> str:
    """Return what lies in a well, by the share of its opening, largest first; without what hardly shows."""
    if compartment.contents is None:
        return ""
    shares = sorted(compartment.contents.model_dump().items(), key=lambda item: -item[1])
    return "  " + ", ".join(f"{name} {share:.0%}" for name, share in shares if share >= _SHOWN_SHARE)
