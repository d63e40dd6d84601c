"""`appliance provision`: the box takes on the identity that a file on the boot partition gives it."""

import argparse
import os
from pathlib import Path

from appliance.clock import SystemClock
from appliance.errors import ConfigError, ProvisionError
from appliance.provision.disk import Disk
from appliance.provision.places import Places
from appliance.provision.provision import provision

_SERVICE_USER = "janban"


def command(options: argparse.Namespace) -> int:
    """Provision, and say in one line what was done."""
    places = Places(
        file=options.file.absolute(),
        config=options.config.absolute(),
        state=options.state.absolute(),
        root=options.root.absolute(),
    )
    try:
        disk = Disk(_service_user(places.root) if os.geteuid() == 0 else None)
        print(provision(places, SystemClock(), disk, overwrite=options.replace))
    except OSError as error:
        raise ProvisionError(f"{error.filename}: {error.strerror}; check the disk and its mount") from error
    return 0


def _service_user(root: Path) -> tuple[int, int]:
    """Return the numbers of the user and group of the service, by the password file below `root`."""
    file = root / "etc/passwd"
    try:
        accounts = file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ProvisionError(
            f"{file}: {error.strerror}; give as --root where the root file system of a box is mounted"
        ) from None
    for line in accounts.splitlines():
        name, _, user, group, *_ = line.split(":")
        if name == _SERVICE_USER:
            return int(user), int(group)
    raise ConfigError(f"{file}: has no user {_SERVICE_USER}; install systemd/sysusers.d/janban.conf first")
