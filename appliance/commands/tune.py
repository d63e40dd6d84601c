"""`appliance tune`: better settings for a site, searched for on pictures whose leftovers people told."""

import argparse
import json
import sys
import threading
from functools import partial
from pathlib import Path

from appliance.clock import SystemClock
from appliance.commands.run import stop_on_signals
from appliance.config import Settings, load
from appliance.config_keys import either
from appliance.errors import ConfigError, JanbanError
from appliance.estimate.settings import EstimateSettings
from appliance.files import write_whole
from appliance.picture import Picture, save_picture
from appliance.service.assemble import open_judge, unhurried_measurer
from appliance.service.in_force import look_in_force, with_networks
from appliance.service.judge import View
from appliance.tray.calibration_folder import load_calibration
from appliance.tune.labels import Label, read_labels, start_labels
from appliance.tune.plot import plot
from appliance.tune.record import Record
from appliance.tune.report import report
from appliance.tune.search import Memory, Trial, search
from appliance.tune.space import Space
from appliance.tune.trays import LabelledTrays, see_trays

SETTINGS_FILE, PLOT_FILE, TRIALS_FILE = "estimate.toml", "tune.png", "trials.jsonl"

_EXIT_INTERRUPTED = 130
_TELL_EVERY = 10


def command(options: argparse.Namespace) -> int:
    """Search, write the best settings and a plot, and say whether they are worth it.

    The first SIGINT or SIGTERM ends the search: what was found so far is written, and the status is 130; the
    same command goes on from there. Raises `JanbanError`.
    """
    if options.start is not None:
        return _start(options)
    settings = None if options.config is None else load(options.config)
    present = EstimateSettings() if settings is None else settings.estimate
    models = options.models if settings is None or options.models else _networks(settings)
    known = list(EstimateSettings.model_fields)
    if unknown := set(options.keep) - set(known):
        raise ConfigError(f"--keep {min(unknown)}: is no key of [estimate]; use {either(known)}")
    space = Space(present, options.keep)
    calibration = load_calibration(options.calibration)
    labels = read_labels(options.labels, [well.id for well in calibration.layout.compartments])
    out = _folder(options.out)
    stop = stop_on_signals()
    trays = _see(options, models, labels, stop)
    record = Record(out / TRIALS_FILE, trays.experiment(), present, trays.errors)
    memory = Memory(record.measure, _Progress(options.trials).told)
    found = search(space, memory, trays.pictures, trials=options.trials, seed=options.seed, stop=stop.is_set)
    result = report(found, space, trays, options.seed)
    _write(out / SETTINGS_FILE, result.snippet())
    save_picture(out / PLOT_FILE, plot(result, [float(trial.errors.mean()) for trial in found.trials]))
    if options.json:
        rejected = [{"image": str(image), "reason": reason} for image, reason in trays.rejected]
        files = {"settings": str(out / SETTINGS_FILE), "plot": str(out / PLOT_FILE)}
        print(json.dumps({**result.as_json(), "rejected": rejected, "files": files}, ensure_ascii=False))
    else:
        print(result.words())
        print(f"wrote {out / SETTINGS_FILE} and {out / PLOT_FILE}")
    return _EXIT_INTERRUPTED if found.stopped else 0


class _Progress:
    """Tells people on standard error how the search goes."""

    def __init__(self, trials: int) -> None:
        self._all = trials
        self._done = 0
        self._best = float("inf")

    def told(self, trial: Trial[EstimateSettings]) -> None:
        """Count a trial; tell of it if it is the best one, or the tenth since the last."""
        self._done += 1
        error = float(trial.errors.mean())
        if error < self._best:
            self._best = error
            print(
                f"trial {self._done} of {self._all}: {100 * error:.2f} points, the best so far",
                file=sys.stderr,
            )
        elif self._done % _TELL_EVERY == 0:
            print(f"trial {self._done} of {self._all}, best {100 * self._best:.2f} points", file=sys.stderr)


def _networks(settings: Settings) -> Path | None:
    """Return the folder of the networks that are in force."""
    return with_networks(settings, look_in_force(settings)).models.folder


def _start(options: argparse.Namespace) -> int:
    ids = [well.id for well in load_calibration(options.calibration).layout.compartments]
    rows = start_labels(options.labels, options.start, ids)
    if options.json:
        print(json.dumps({"labels": str(options.labels), "rows": rows}))
    else:
        overview = options.calibration / "overview.png"
        print(f"wrote {options.labels} with {rows} rows; fill in leftovers, 0 to 1, by {overview}")
    return 0


def _see(
    options: argparse.Namespace, models: Path | None, labels: list[Label], stop: threading.Event
) -> LabelledTrays:
    clock, calibration = SystemClock(), load_calibration(options.calibration)
    with unhurried_measurer(options.calibration, models, clock) as measurer:

        def see(picture: Picture) -> View | str:
            tray = measurer.measure(picture)
            if tray.view is None:
                return str(tray.outcome.reason)
            if measurer.complaint is not None:
                print(f"appliance: back projection measured alone: {measurer.complaint}", file=sys.stderr)
            return tray.view

        def told(done: int, pictures: int) -> None:
            if stop.is_set():
                raise KeyboardInterrupt
            if done % _TELL_EVERY == 0 or done == pictures:
                print(f"picture {done} of {pictures}", file=sys.stderr)

        judge_of = partial(open_judge, calibration, models=models)
        trays = see_trays(labels, str(options.labels), calibration, judge_of, see, told=told)
    for image, reason in trays.rejected:
        print(f"appliance: {image}: left out: {reason}", file=sys.stderr)
    return trays


def _folder(out: Path) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JanbanError(f"{out}: cannot be made ({error.strerror}); name another --out") from None
    return out


def _write(file: Path, text: str) -> None:
    try:
        write_whole(file, text.encode())
    except OSError as error:
        raise JanbanError(f"{file}: cannot be written ({error.strerror}); name another --out") from None
