"""What operators may ask of the running box, and how each of it is done."""

import base64
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import cv2

from appliance.clock import Clock, Deadline
from appliance.config import Settings
from appliance.errors import CommandError, PictureError
from appliance.line.trigger import TrayEvent
from appliance.picture import Picture, save_picture
from appliance.readings.reading import Origin
from appliance.remote.desk import Answer, Command, Desk
from appliance.remote.gate import Gate
from appliance.remote.journal import Journal
from appliance.remote.operators import load_operators
from appliance.remote.request import (
    Attachment,
    MenuArguments,
    NoArguments,
    RecalibrateArguments,
    TrayArguments,
)
from appliance.service.meal import MealNote
from appliance.service.next_tray import NextTray
from appliance.service.pipeline import MeasuredTray
from appliance.service.recalibrate import Recalibration
from appliance.service.update_wish import wish_for_update

JOURNAL_FILE = "commands.sqlite"
MEAL_FILE = "meal.json"
SAMPLES_FOLDER = "samples"

LARGEST_ATTACHMENT_BYTES = 200_000
_QUALITIES = (90, 75, 60, 40)
_QUICK_S = 30.0
_COLLECT_S = 120.0
_TRAY_S = 300.0 + _QUICK_S
"""The longest wait for a tray, and what is made of it."""


class RemoteControl:
    """Everything that commands bind to: the desk, the meal, the next tray, and the wish to start anew."""

    def __init__(
        self,
        settings: Settings,
        gate: Gate,
        clock: Clock,
        diagnostics: Callable[[], bytes] | None = None,
    ) -> None:
        state_dir = settings.device.state_dir
        self._settings = settings.commands
        self._clock = clock
        self._state_dir = state_dir
        self._samples = state_dir / SAMPLES_FOLDER
        self._next_tray = NextTray()
        self._meal = MealNote(state_dir / MEAL_FILE)
        self._diagnostics = diagnostics
        self._recalibration = Recalibration(
            settings.device.calibration_dir, state_dir, settings.estimate, clock
        )
        self.leaving = threading.Event()
        self.desk = Desk(
            gate,
            Journal(state_dir / JOURNAL_FILE),
            {
                "recalibrate": Command(self._recalibrate, _TRAY_S, restarts=True),
                "capture": Command(self._capture, _TRAY_S),
                "menu": Command(self._set_menu, _QUICK_S),
                "restart": Command(self._restart, _QUICK_S, restarts=True),
                "diagnostics": Command(self._collect, _COLLECT_S),
                "update": Command(self._update, _QUICK_S),
            },
            clock,
        )

    def start(self, wake: Callable[[], None]) -> None:
        """Begin to take commands; `wake` is called when there is a result to tell."""
        self.desk.start(wake)

    def stop(self, timeout_s: float) -> None:
        """Begin nothing more; who waits for a tray gives up, other work has `timeout_s` to end."""
        self._next_tray.close()
        self.desk.stop(timeout_s)

    def close(self) -> None:
        """Close the journal, after the last result was told."""
        self.desk.close()

    def see(self, event: TrayEvent, tray: MeasuredTray) -> None:
        """Take note of a tray that was measured, and whose reading is stored."""
        self._next_tray.see(event, tray)

    def meal(self, moment: datetime) -> str | None:
        """Return the meal that is served at a moment."""
        return self._meal.at(moment)

    def _recalibrate(self, arguments: RecalibrateArguments, deadline: Deadline) -> Answer:
        self._recalibration.check()
        event, _ = self._next_tray.wait(self._until(arguments, deadline))
        captured_at = event.frame.captured_at.isoformat(timespec="seconds")
        self._recalibration.replace(arguments.what, event.frame.image, f"command, {captured_at}")
        return Answer(
            f"the tray of {captured_at} is the {arguments.what} reference; the service starts anew with it",
            {"captured_at": captured_at, "what": arguments.what},
            then=self.leaving.set,
        )

    def _capture(self, arguments: TrayArguments, deadline: Deadline) -> Answer:
        event, tray = self._next_tray.wait(self._until(arguments, deadline))
        file = self._samples / f"{event.frame.captured_at:%Y%m%dT%H%M%S%f}Z.png"
        try:
            self._samples.mkdir(exist_ok=True)
            save_picture(file, event.frame.image)
            for old in sorted(self._samples.glob("*.png"))[: -self._settings.samples]:
                old.unlink(missing_ok=True)
        except (OSError, PictureError) as error:
            raise CommandError(f"the picture cannot be kept: {error}") from None
        attachment = None
        if self._settings.pictures and tray.view is not None:
            attachment = _jpeg(tray.view.top_view)
        return Answer(
            f"kept as {SAMPLES_FOLDER}/{file.name}",
            {"file": file.name, "status": tray.outcome.status, "leftover": tray.outcome.leftover},
            attachment,
        )

    def _set_menu(self, arguments: MenuArguments, _deadline: Deadline) -> Answer:
        until = self._meal.set(arguments.meal, arguments.until, self._clock.utc())
        if until is None:
            return Answer("readings carry no meal", {"meal": None, "until": None})
        told = until.isoformat(timespec="seconds")
        return Answer(f"readings carry the meal until {told}", {"meal": arguments.meal, "until": told})

    def _restart(self, _arguments: NoArguments, _deadline: Deadline) -> Answer:
        return Answer("the service starts anew", then=self.leaving.set)

    def _collect(self, _arguments: NoArguments, _deadline: Deadline) -> Answer:
        if self._diagnostics is None:
            raise CommandError("not available on this box")
        archive = self._diagnostics()
        if len(archive) > LARGEST_ATTACHMENT_BYTES:
            raise CommandError(
                f"the archive has {len(archive)} bytes, too many for a message; fetch it by hand"
            )
        return Answer(f"{len(archive)} bytes", attachment=_attachment("application/gzip", archive))

    def _update(self, _arguments: NoArguments, _deadline: Deadline) -> Answer:
        bundle = wish_for_update(self._state_dir)
        return Answer(
            f"{bundle} is to be installed; if it is signed, it is tried, and stays if trays are measured",
            {"bundle": bundle},
        )

    def _until(self, arguments: TrayArguments, deadline: Deadline) -> Deadline:
        wanted = Deadline.after(arguments.wait_s, self._clock)
        return wanted if wanted.at_s < deadline.at_s else deadline


def open_remote(
    settings: Settings,
    origin: Origin,
    clock: Clock,
    *,
    clock_synced: Callable[[], bool],
    diagnostics: Callable[[], bytes] | None,
) -> RemoteControl | None:
    """Return what takes commands, None where no operators are configured; raises `ConfigError`."""
    file: Path | None = settings.commands.operators
    if file is None:
        return None
    gate = Gate(load_operators(file), origin.site, origin.device, clock.utc, clock_synced)
    return RemoteControl(settings, gate, clock, diagnostics)


def _jpeg(picture: Picture) -> Attachment | None:
    """Return a picture small enough for a message; None if it cannot be made so."""
    for quality in _QUALITIES:
        content = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(content) <= LARGEST_ATTACHMENT_BYTES:
            return _attachment("image/jpeg", content)
    return None


def _attachment(media_type: str, content: bytes) -> Attachment:
    return Attachment(media_type=media_type, base64=base64.b64encode(content).decode())
