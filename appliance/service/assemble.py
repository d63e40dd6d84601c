"""From settings to a running appliance: the one place where its parts are put together."""

import errno
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from appliance.artifacts.in_force import InForce
from appliance.budget import Budget, DeadlineSettings
from appliance.camera.frame import FrameSource
from appliance.camera.open import open_camera
from appliance.camera.settings import CameraSettings, UsbSettings
from appliance.clock import Clock, Deadline
from appliance.config import Settings
from appliance.errors import ConfigError, InferenceError, ModelError
from appliance.estimate.fusion_rule import FusionRule, by_study
from appliance.estimate.learned_fusion import FILE_NAME as FUSION_FILE
from appliance.estimate.learned_fusion import fusion_of
from appliance.estimate.settings import EstimateSettings, VariantSettings
from appliance.health.starts import count_start
from appliance.inference.open import open_networks
from appliance.inference.selection import select
from appliance.inference.settings import ModelSettings
from appliance.line.trigger import TrayEvent, Trigger
from appliance.menu.menu import load_menu
from appliance.picture import save_picture
from appliance.publish.client import Publisher
from appliance.readings.boot import boot_id
from appliance.readings.clock_floor import ClockFloor
from appliance.readings.reading import Origin
from appliance.readings.resilient import ResilientStore
from appliance.readings.store import Store
from appliance.service.appliance import Appliance, Parts
from appliance.service.health_report import About
from appliance.service.in_force import look_in_force, with_networks
from appliance.service.judge import Judge
from appliance.service.machine import Machine
from appliance.service.meals import Meals
from appliance.service.pipeline import MeasuredTray, TrayMeasurer
from appliance.service.remote_control import open_remote
from appliance.service.surroundings import Surroundings
from appliance.service.tray_overlay import overlay
from appliance.service.variant import Shade
from appliance.tray.calibration import Calibration
from appliance.tray.calibration_folder import load_calibration
from appliance.usb.care import CareTimes, UsbCare
from appliance.usb.devices import behind_video

_LOG = logging.getLogger(__name__)

STORE_FILE = "readings.sqlite"
CLOCK_FLOOR_FILE = "clock-floor"
STARTS_FILE = "starts.json"

_OF_THE_CARD = {errno.EROFS, errno.EIO, errno.ENOSPC, errno.EUCLEAN}
"""What a folder cannot be made for on a card at its end."""


OnTray = Callable[[TrayEvent, MeasuredTray], None]


def assemble(
    settings: Settings,
    clock: Clock,
    machine: Machine | None = None,
    *,
    camera: FrameSource | None = None,
    on_tray: OnTray | None = None,
    diagnostics: Callable[[], bytes] | None = None,
) -> Appliance:
    """Build the appliance that `settings` describe; raises `JanbanError` where a part cannot work.

    `camera` stands in for the settings' own. `on_tray` sees every tray, after its reading is stored; without
    it the overlay is kept, if that is set. `diagnostics` collects the archive that operators may ask for.
    """
    budget = Budget.of(settings.deadline)
    calibration = load_calibration(settings.device.calibration_dir)
    found = look_in_force(settings)
    settings = with_networks(settings, found)
    origin = Origin(settings.device.site, settings.device.name, boot_id())
    state_dir = _state_dir(settings)
    card = Store(state_dir / STORE_FILE, settings.store, clock, ballast=True)
    store = ResilientStore(card, settings.store, clock, memory_dir=_memory_dir())
    store.open()
    surroundings = Surroundings(machine or Machine(), clock, state_dir)

    def clock_synced() -> bool:
        return surroundings.clock_state == "synced"

    remote = open_remote(settings, origin, clock, clock_synced=clock_synced, diagnostics=diagnostics)
    publisher = Publisher(
        settings.mqtt,
        origin,
        store,
        clock,
        clock_synced=clock_synced,
        budget=budget,
        mailbox=None if remote is None else remote.desk,
    )
    meals = open_meals(found, clock)
    meals.note = remote
    calibration = meals.served(calibration)
    source = camera or open_camera(settings.camera, clock)
    shade = (
        None
        if settings.variant is None
        else open_shade(calibration, settings.variant, budget, clock, settings.models.folder)
    )
    # The last one, as from here on a process runs that has to be ended.
    measurer = open_measurer(calibration, settings.estimate, settings.models, budget, clock)
    parts = Parts(
        camera=source,
        trigger=Trigger(settings.trigger),
        measurer=measurer,
        store=store,
        publisher=publisher,
        origin=origin,
        surroundings=surroundings,
        remote=remote,
        clock_floor=ClockFloor(state_dir / CLOCK_FLOOR_FILE, clock, store.newest_stamp()),
        about=About(
            origin,
            state_dir / STORE_FILE,
            fusion=measurer.fusion,
            variant=None if settings.variant is None else settings.variant.name,
            starts=count_start(state_dir / STARTS_FILE, origin.boot_id),
            artifacts=found.versions,
            faults=tuple(fault for fault in (*found.faults, meals.fault) if fault is not None),
        ),
        meals=meals,
        shade=shade,
        revive_camera=None if camera else _reviver(settings.camera, budget, clock),
    )
    return Appliance(
        parts,
        budget,
        clock,
        queue_trays=settings.service.queue_trays,
        health_interval_s=settings.service.health_interval_s,
        metrics_port=settings.service.metrics_port,
        on_tray=on_tray or (_overlay_keeper(settings) if settings.service.overlay else None),
    )


def open_meals(found: InForce, clock: Clock) -> Meals:
    """Return the meals of the menu that is in force, if one is."""
    folder = found.folders.get("menu")
    return Meals(clock) if folder is None else Meals(clock, load_menu(folder), folder)


def open_judge(calibration: Calibration, estimate: EstimateSettings, models: Path | None = None) -> Judge:
    """Return what judges trays that were seen, by the networks of the folder `models` if any.

    Raises ValueError where the calibration is not enough, `ModelError` where `models` has no sound manifest.
    """
    return Judge(calibration, estimate.parameters(), open_fusion(estimate, models)[0])


def open_shade(
    calibration: Calibration,
    variant: VariantSettings,
    budget: Budget,
    clock: Clock,
    models: Path | None = None,
) -> Shade:
    """Return what measures trays with settings under test; raises `ConfigError` where it cannot."""
    try:
        try:
            judge = open_judge(calibration, variant.estimate, models)
        except ModelError:
            # What ails the folder is said by the measurer, which goes without networks, too.
            judge = open_judge(calibration, variant.estimate)
    except ValueError as error:
        raise _unfit(f"variant {variant.name}", error) from None
    return Shade(variant.name, judge.judge, clock, budget.ample_s)


def open_measurer(
    calibration: Calibration, estimate: EstimateSettings, models: ModelSettings, budget: Budget, clock: Clock
) -> TrayMeasurer:
    """Return what measures trays; close it. Its networks, if any, start meanwhile.

    A folder of models that is not as it should be costs the networks, not the service: it is said in health.
    Raises `ConfigError` where the calibration is not enough for the settings.
    """
    networks, fault = None, None
    try:
        networks = open_networks(models, clock, budget)
    except ModelError as error:
        _LOG.error("%s", error)
        fault = str(error)
    fusion, fusion_fault = (by_study, None) if networks is None else open_fusion(estimate, models.folder)
    try:
        return TrayMeasurer(
            calibration,
            estimate.parameters(),
            clock,
            fusion=fusion,
            networks=networks,
            no_networks=fault,
            fusion_fault=fusion_fault,
            budget=budget,
        )
    except ValueError as error:
        if networks is not None:
            networks.close()
        raise _unfit("estimate", error) from None


def open_fusion(estimate: EstimateSettings, models: Path | None) -> tuple[FusionRule, str | None]:
    """Return the rule that joins estimates, and why it is not the one that was wanted.

    Raises `ModelError` where the folder `models` has no sound manifest.
    """
    if estimate.fusion == "study" or models is None:
        return by_study, None
    weights = {entry.name: entry.origin.weights_sha256 for entry in select(models).entries.values()}
    rule, fault = fusion_of(models / FUSION_FILE, weights)
    if fault is not None:
        _LOG.warning("%s", fault)
    return rule, fault


@contextmanager
def unhurried_measurer(calibration_dir: Path, models: Path | None, clock: Clock) -> Iterator[TrayMeasurer]:
    """Give what measures pictures from files: with the networks of the folder `models`, which have started.

    Raises `JanbanError` where calibration or models are not as they should be, or the networks do not start.
    """
    budget = Budget.of(DeadlineSettings())
    calibration = load_calibration(calibration_dir)
    estimate = EstimateSettings()
    fusion, fault = open_fusion(estimate, models)
    networks = open_networks(ModelSettings(folder=models), clock, budget)
    measurer = TrayMeasurer(
        calibration,
        estimate.parameters(),
        clock,
        fusion=fusion,
        networks=networks,
        fusion_fault=fault,
        budget=budget,
    )
    try:
        ready = networks is None or networks.wait_until_ready(Deadline.after(budget.network_start_s, clock))
        try:
            measurer.prepare(Deadline.after(budget.unhurried_s, clock))
        except InferenceError as error:
            when = "do not know the references" if ready else "do not start"
            raise type(error)(f"{models}: the networks {when}: {error}") from None
        yield measurer
    finally:
        measurer.close()


def _unfit(what: str, error: ValueError) -> ConfigError:
    return ConfigError(f"{what}: {error}; calibrate with one, or choose other settings")


def _state_dir(settings: Settings) -> Path:
    folder = settings.device.state_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if error.errno in _OF_THE_CARD:
            # Readings are then kept in memory, and health says so: no restart mends a card.
            _LOG.error("device.state_dir: %s: cannot be made: %s", folder, error.strerror)
            return folder
        raise ConfigError(
            f"device.state_dir: {folder}: cannot be made ({error.strerror}); name another folder"
        ) from None
    return folder


def _memory_dir() -> Path | None:
    """Return systemd's folder in memory, which outlives the service but not the boot; None without one."""
    folder = os.environ.get("RUNTIME_DIRECTORY")
    return Path(folder) if folder else None


def _reviver(camera: CameraSettings, budget: Budget, clock: Clock) -> Callable[[], bool] | None:
    """Return what resets a USB camera's device; None for any other camera."""
    if not isinstance(camera, UsbSettings):
        return None
    times = CareTimes(reset_s=budget.usb_reset_s, power_s=budget.usb_power_s)
    care = UsbCare(lambda: behind_video(camera.device), times, clock)
    return partial(care.finish, "reset")


def _overlay_keeper(settings: Settings) -> OnTray:
    file = settings.service.overlay_file

    def keep(event: TrayEvent, tray: MeasuredTray) -> None:
        save_picture(file, overlay(event.frame.image, tray))

    return keep
