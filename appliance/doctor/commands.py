"""Whether operators can ask the box for anything, and whether it would know them."""

from typing import Final

from appliance.config import Settings
from appliance.doctor.check import Check
from appliance.errors import ConfigError
from appliance.remote.operators import load_operators

_MEND: Final = "correct the file, docs/commands.md shows one; the service does not start with it"


def commands(settings: Settings) -> Check:
    """Look whether the file of operators is one."""
    file = settings.commands.operators
    if file is None:
        return Check("commands", "ok", "none are taken: no operators are configured")
    try:
        operators = load_operators(file)
    except ConfigError as error:
        return Check("commands", "fail", str(error), _MEND)
    pictures = "; pictures of trays may leave the box" if settings.commands.pictures else ""
    return Check("commands", "ok", f"taken from {len(operators)} operators{pictures}")
