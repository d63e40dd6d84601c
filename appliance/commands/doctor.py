"""`appliance doctor`: what is wrong with this box, and what to do."""

import argparse

from appliance.config import load
from appliance.doctor.check import Check, exit_status
from appliance.doctor.examine import examine


def command(options: argparse.Namespace) -> int:
    """Print one check after the other, as soon as it is known; the status is 1 if one of them failed."""
    checks: list[Check] = []
    for check in examine(load(options.config)):
        print(check.as_json() if options.json else check.as_text(), flush=True)
        checks.append(check)
    return exit_status(checks)
