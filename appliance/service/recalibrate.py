"""A new reference from a tray that came along: made beside the old one, tried, put in its place."""

import ctypes
import logging
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Literal

from appliance.clock import Clock
from appliance.errors import CalibrationError, CommandError, TrayNotFoundError
from appliance.estimate.settings import EstimateSettings
from appliance.files import sync_folder
from appliance.picture import Picture, has_colour
from appliance.service.pipeline import TrayMeasurer
from appliance.tray.calibration import Calibration
from appliance.tray.calibration_folder import load_calibration, save_calibration
from appliance.tray.locate import locate
from appliance.tray.rectify import rectify
from appliance.tray.reference_quality import check_reference

_LOG = logging.getLogger(__name__)

What = Literal["full", "empty"]

_LEAST_SCORE = 0.5
"""As for the full reference of `appliance calibrate`: more than a tray that comes along has to have."""
_LEAST_IN_FRAME = 0.97
_EMPTY_AT_MOST = 0.1
_FULL_AT_LEAST = 0.3
"""By back projection without a full reference: simulated servings read 0.8, empty trays 0."""
_LOOK = EstimateSettings().parameters()
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100


class Recalibration:
    """Makes calibrations for the box it runs on; all that it writes lies in the state folder."""

    def __init__(
        self, calibration_dir: Path, state_dir: Path, estimate: EstimateSettings, clock: Clock
    ) -> None:
        self._folder = calibration_dir
        self._state_dir = state_dir
        self._parameters = estimate.parameters()
        self._clock = clock

    def check(self) -> None:
        """Raise `CommandError` where the calibration may not be replaced from afar."""
        if not self._folder.resolve().is_relative_to(self._state_dir.resolve()):
            raise CommandError("device.calibration_dir lies outside device.state_dir; calibrate on the box")

    def replace(self, what: What, picture: Picture, source: str) -> None:
        """Make the tray in a picture (H, W, 3, BGR) the new reference; the folder before is kept beside it.

        The tray has to be one of the present type: its outlines stay. Raises `CommandError`, and then nothing
        has changed. `source` is noted for people.
        """
        self.check()
        fresh = self._folder.with_name(f"{self._folder.name}-fresh")
        # What a power cut left of an earlier attempt may be half a calibration.
        for left in (fresh, *fresh.parent.glob(f".{fresh.name}-*")):
            shutil.rmtree(left, ignore_errors=True)
        try:
            calibration = self._made(what, picture)
            sources = {f"{what}_source": source}
            save_calibration(calibration, fresh, **sources)
            # Read back, and tried as the service will at its next start.
            TrayMeasurer(load_calibration(fresh), self._parameters, self._clock)
            exchange(self._folder, fresh)
            self._keep_previous(fresh)
        except (CalibrationError, TrayNotFoundError, ValueError) as error:
            raise CommandError(f"this tray is no reference: {error}") from None
        except OSError as error:
            raise CommandError(f"{self._folder.name}: cannot be replaced: {error.strerror}") from None
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def _made(self, what: What, picture: Picture) -> Calibration:
        name = f"the {what} reference"
        present = load_calibration(self._folder)
        check_reference(picture, name)
        if not has_colour(picture):
            raise CalibrationError("the picture has no colour")
        located = locate(picture, replace(present, full=None))
        if located.score < _LEAST_SCORE:
            raise CalibrationError(f"it hardly looks like the calibrated tray (match {located.score:.2f})")
        if located.in_frame_fraction < _LEAST_IN_FRAME:
            raise CalibrationError("it is not seen whole")
        view, _ = rectify(picture, located.picture_from_tray, present.layout.tray_mm, present.px_per_mm)
        food = self._food(replace(present, full=None), picture)
        if what == "full":
            if food < _FULL_AT_LEAST:
                raise CalibrationError("there is little or no food on it")
            return replace(present, full=view)
        if food > _EMPTY_AT_MOST:
            raise CalibrationError("there is food on it")
        return replace(present, empty=view)

    def _food(self, calibration: Calibration, picture: Picture) -> float:
        """Return roughly how full the tray is, 0..1, by steel and not by any serving."""
        outcome = TrayMeasurer(calibration, _LOOK, self._clock).measure(picture).outcome
        if outcome.leftover is None:
            raise CalibrationError(outcome.reason or "it cannot be measured")
        return outcome.leftover

    def _keep_previous(self, replaced: Path) -> None:
        previous = self._folder.with_name(f"{self._folder.name}-previous")
        shutil.rmtree(previous, ignore_errors=True)
        try:
            replaced.rename(previous)
            sync_folder(self._folder.parent)
        except OSError as error:
            _LOG.warning("the calibration before is not kept: %s", error)


def exchange(one: Path, other: Path) -> None:
    """Let two folders change places in one step, so that a power cut leaves either the one or the other.

    renameat2(2) with RENAME_EXCHANGE, which Python does not offer; glibc 2.28 and Linux 3.15 do. Raises
    `OSError`, also where the file system cannot.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    paths = os.fsencode(one), os.fsencode(other)
    if libc.renameat2(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), str(one))
    sync_folder(one.parent)
