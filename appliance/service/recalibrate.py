"""A new reference from a tray that came along: made beside the old one, tried, put in its place."""

import ctypes
import logging
import os
import shutil
from pathlib import Path

from appliance.clock import Clock
from appliance.errors import CalibrationError, CommandError, TrayNotFoundError
from appliance.estimate.settings import EstimateSettings
from appliance.files import sync_folder
from appliance.picture import Picture
from appliance.service.new_reference import What, with_reference
from appliance.service.pipeline import TrayMeasurer
from appliance.tray.calibration_folder import load_calibration, save_calibration

_LOG = logging.getLogger(__name__)

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
            present = load_calibration(self._folder)
            calibration = with_reference(present, what, picture, self._clock)
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
