"""`appliance diagnostics`: one archive for support."""

import argparse
import json

from appliance.config import load
from appliance.diagnostics.collect import collect
from appliance.errors import ConfigError, JanbanError
from appliance.files import write_whole


def command(options: argparse.Namespace) -> int:
    """Write the archive, readable by its owner alone; a wrong configuration is a finding, too."""
    try:
        settings, fault = load(options.config), None
    except ConfigError as error:
        settings, fault = None, str(error)
    archive = collect(settings, fault=fault)
    try:
        write_whole(options.out, archive, mode=0o600)
    except OSError as error:
        raise JanbanError(f"{options.out}: cannot be written: {error.strerror}; name another file") from error
    if options.json:
        print(json.dumps({"file": str(options.out), "bytes": len(archive), "configuration_fault": fault}))
    else:
        print(f"{options.out}: {len(archive) / 1e3:.0f} kB, without secrets and pictures; send it to support")
    return 0
