"""The settings as they are in force: updates of networks and menus take the place of the system's own."""

from pathlib import Path

from appliance.artifacts.in_force import InForce, in_force
from appliance.config import Settings
from appliance.inference.whole import whole
from appliance.menu.menu import load_menu


def look_in_force(settings: Settings, root: Path = Path("/")) -> InForce:
    """Return which updates of their own are in force for the box of these settings.

    `root` is where the image's files are looked for. One that is damaged, or for another box, is a fault and
    not used.
    """

    def check_menu(folder: Path) -> None:
        load_menu(folder).check_for(settings.device.site, settings.device.name)

    return in_force(settings.artifacts, {"models": whole, "menu": check_menu}, root=root)


def with_networks(settings: Settings, found: InForce) -> Settings:
    """Return the settings with the networks that are in force, if they ask for any at all.

    A box that was told to do without networks does, whatever came.
    """
    if "models" not in found.folders or settings.models.folder is None:
        return settings
    models = settings.models.model_copy(update={"folder": found.folders["models"]})
    return settings.model_copy(update={"models": models})
