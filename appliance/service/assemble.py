"""From settings to a running appliance: the one place where its parts are put together."""

from collections.abc import Callable
from pathlib import Path

from appliance.budget import Budget
from appliance.camera.open import open_camera
from appliance.clock import Clock
from appliance.config import Settings
from appliance.errors import ConfigError
from appliance.line.trigger import TrayEvent, Trigger
from appliance.picture import save_picture
from appliance.publish.client import Publisher
from appliance.readings.boot import boot_id
from appliance.readings.reading import Origin
from appliance.readings.store import Store
from appliance.service.appliance import Appliance, Parts
from appliance.service.machine import Machine
from appliance.service.pipeline import MeasuredTray, TrayMeasurer, overlay
from appliance.service.surroundings import Surroundings
from appliance.tray.calibration_folder import load_calibration

STORE_FILE = "readings.sqlite"


def assemble(settings: Settings, clock: Clock, machine: Machine | None = None) -> Appliance:
    """Build the appliance that `settings` describe; raises `JanbanError` where a part cannot work."""
    calibration = load_calibration(settings.device.calibration_dir)
    measurer = TrayMeasurer(calibration, settings.estimate.parameters(), clock)
    origin = Origin(settings.device.site, settings.device.name, boot_id())
    store = Store(_state_dir(settings) / STORE_FILE, settings.store, clock)
    store.open()
    parts = Parts(
        camera=open_camera(settings.camera, clock),
        trigger=Trigger(settings.trigger),
        measurer=measurer,
        store=store,
        publisher=Publisher(settings.mqtt, origin, store, clock),
        origin=origin,
        surroundings=Surroundings(machine or Machine(), clock, settings.device.state_dir),
    )
    return Appliance(
        parts,
        Budget.of(settings.deadline),
        clock,
        queue_trays=settings.service.queue_trays,
        health_interval_s=settings.service.health_interval_s,
        on_tray=_overlay_keeper(settings) if settings.service.overlay else None,
    )


def _state_dir(settings: Settings) -> Path:
    folder = settings.device.state_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"device.state_dir: {folder}: cannot be made ({error.strerror}); name another folder"
        ) from None
    return folder


def _overlay_keeper(settings: Settings) -> Callable[[TrayEvent, MeasuredTray], None]:
    file = settings.service.overlay_file

    def keep(event: TrayEvent, tray: MeasuredTray) -> None:
        save_picture(file, overlay(event.frame.image, tray))

    return keep
