"""The settings as they are in force: updates of networks and menus take the place of the system's own."""

from functools import partial
from pathlib import Path

from appliance.artifacts.in_force import Check, InForce, in_force
from appliance.artifacts.shelf import Kind
from appliance.config import Settings
from appliance.inference.whole import whole
from appliance.menu.menu import load_menu


def look_in_force(settings: Settings, root: Path = Path("/")) -> InForce:
    """Return which updates of their own are in force for the box of these settings.

    `root` is where the image's files are looked for. One that is damaged, or for another box, is a fault and
    not used. A box that was told to do without networks does, whatever came.
    """
    checks: dict[Kind, Check] = {"menu": partial(check_menu, settings)}
    if settings.models.folder is not None:
        checks["models"] = whole
    return in_force(settings.artifacts, checks, root=root)


def check_menu(settings: Settings, folder: Path) -> None:
    """Raise `MenuError` for a folder with no sound menu, or with that of another box."""
    load_menu(folder).check_for(settings.device.site, settings.device.name)


def with_networks(settings: Settings, found: InForce) -> Settings:
    """Return the settings with the networks that are in force."""
    if "models" not in found.folders:
        return settings
    models = settings.models.model_copy(update={"folder": found.folders["models"]})
    return settings.model_copy(update={"models": models})
