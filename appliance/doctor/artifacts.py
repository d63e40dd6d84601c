"""Which networks and menu came by updates of their own, and whether the menu still has meals."""

from datetime import datetime

from appliance.artifacts.in_force import InForce
from appliance.doctor.check import Check
from appliance.menu.menu import load_menu


def artifacts(found: InForce, now: datetime) -> Check:
    """Tell what is in force, what is not and why; a menu whose last meal is over is worth a word."""
    if found.faults:
        advice = "install the update again, or a newer one; until then the system's own networks serve"
        return Check("artifacts", "warn", "; ".join(found.faults), advice)
    if not found.versions:
        return Check("artifacts", "ok", "the system's own networks, and no menu")
    words = ", ".join(f"{kind} {version}" for kind, version in found.versions.items())
    if (folder := found.folders.get("menu")) is not None:
        last = load_menu(folder).meals[-1].ends
        if last <= now:
            over = f"{words} in force; the menu ended on {last:%Y-%m-%d}"
            return Check("artifacts", "warn", over, "install a menu of the days to come, by make menu-bundle")
    return Check("artifacts", "ok", f"{words} in force, by updates of their own")
