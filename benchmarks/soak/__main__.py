"""Runs the whole appliance with faults on purpose, and tells what it made of them."""

import argparse
import json
import logging
import os
import sys
from pathlib import Path

from appliance.camera.settings import SimulatorSettings
from appliance.errors import JanbanError
from benchmarks.soak.conduct import STEADY, play
from benchmarks.soak.plan import KINDS, OF_THE_SERVICE, schedule
from benchmarks.soak.report import report

_QUIET_S = 10.0


def main() -> int:
    """Run the soak; exit 1 if a reading was lost, or anything else is as it must not be."""
    options = _options()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    camera = SimulatorSettings.model_validate(
        {
            "trays_per_minute": options.per_minute,
            "seed": options.seed,
            "width": options.width,
            "height": options.width * 3 // 4,
            **STEADY,
        }
    )
    kinds = [kind for kind in options.kinds if options.restarts or kind not in OF_THE_SERVICE]
    if os.geteuid() != 0 and "disk full" in kinds:
        kinds.remove("disk full")
        print('soak: "disk full" is left out: mounting a disk to fill takes root', file=sys.stderr)
    faults = schedule(
        kinds, minutes=options.minutes, every_s=options.every, quiet_s=_QUIET_S, seed=options.seed
    )
    try:
        played = play(faults, options.minutes, camera, options.models, options.keep)
    except JanbanError as error:
        print(f"soak: {error}", file=sys.stderr)
        return 1
    if options.keep is not None:
        played.keep(options.keep)
    told = report(played)
    print(json.dumps(told.as_json()) if options.json else told.as_text())
    return int(any(told.failures()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="how long [60]")
    parser.add_argument("--every", type=float, default=60, metavar="S", help="seconds for each fault [60]")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same line and faults [1]")
    parser.add_argument("--per-minute", type=float, default=42, help="pace of the belt [42]")
    parser.add_argument("--width", type=int, default=1280, help="width of the frames, 4:3 [1280]")
    # Their answers are part of what recovery is: without them every fault would wait for its patience to end.
    parser.add_argument("--models", type=Path, metavar="DIR", required=True, help="folder of the networks")
    parser.add_argument(
        "--kinds", nargs="+", default=list(KINDS), choices=KINDS, metavar="KIND", help=", ".join(KINDS)
    )
    parser.add_argument(
        "--no-restarts", dest="restarts", action="store_false", help="leave out what ends the service"
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep logs and files in this new folder")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
