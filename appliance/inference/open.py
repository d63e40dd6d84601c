"""The one place where the networks are made from their settings."""

from functools import partial
from pathlib import Path

from appliance.budget import Budget
from appliance.clock import Clock
from appliance.errors import ModelError
from appliance.inference.both import open_both
from appliance.inference.devices import CORAL_USB_IDS, edge_tpus
from appliance.inference.ladder import Ladder
from appliance.inference.manifest import Device
from appliance.inference.networks import Networks
from appliance.inference.process import Limits
from appliance.inference.selection import Selection, select
from appliance.inference.settings import ModelSettings
from appliance.inference.worker import WorkerNetworks
from appliance.usb.care import CareTimes, UsbCare
from appliance.usb.devices import find


def open_networks(
    settings: ModelSettings, clock: Clock, budget: Budget, *, root: Path = Path("/")
) -> Networks | None:
    """Return the networks that the settings ask for, still starting; None where they name no folder.

    `root` is where the kernel's files are looked for. Close what is returned. Raises `ModelError` where the
    folder's manifest is absent or damaged, or has no two networks for the device; what is wrong with the
    files themselves is found by the networks' process, and raised by the calls.
    """
    if settings.folder is None:
        return None
    selection = select(settings.folder)
    devices = usable_devices(settings, selection)
    care = UsbCare(
        lambda: find(CORAL_USB_IDS, root),
        CareTimes(reset_s=budget.usb_reset_s, power_s=budget.usb_power_s),
        clock,
        root=root,
    )
    return WorkerNetworks(
        selection,
        partial(open_both, selection, settings.threads, root),
        Ladder(devices, lambda: care.present() or bool(edge_tpus(root)), clock.monotonic_s()),
        limits(settings, budget),
        clock,
        care=care,
        expected=settings.device == "edgetpu",
    )


def usable_devices(settings: ModelSettings, selection: Selection) -> tuple[Device, ...]:
    """Return the devices that may be used, the best first; raises `ModelError` where there is none."""
    devices = selection.devices
    if settings.device == "cpu":
        devices = tuple(device for device in devices if device == "cpu")
    if not devices or (settings.device == "edgetpu" and "edgetpu" not in devices):
        raise ModelError(
            f"{selection.folder}: has no models for models.device = {settings.device!r}; compile them with"
            ' convert edgetpu, or choose "auto"'
        )
    return devices


def limits(settings: ModelSettings, budget: Budget) -> Limits:
    """Return what a process of the networks may take."""
    return Limits(
        start_least_s=budget.network_start_least_s,
        start_s=budget.network_start_s,
        hang_least_s=budget.network_hang_least_s,
        hang_s=budget.network_hang_s,
        ping_s=budget.network_ping_s,
        memory_mb=settings.memory_mb,
    )
