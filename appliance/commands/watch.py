"""`appliance watch`: a subscriber that prints readings."""

import argparse
import sys

from appliance.commands.run import stop_on_signals
from appliance.config import load
from appliance.publish.settings import PublishSettings
from appliance.publish.watch import watch


def command(options: argparse.Namespace) -> int:
    """Print readings until Ctrl-C; raises `JanbanError` where the broker cannot be reached at all."""
    if options.config is None:
        settings = PublishSettings(host=options.host, port=options.port)
    else:
        settings = load(options.config).mqtt
    watch(settings, options.site, json=options.json, out=sys.stdout, stop=stop_on_signals())
    return 0
