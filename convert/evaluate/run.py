"""The evaluation: every tray of every source, with every run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from appliance.errors import TrayNotFoundError
from appliance.estimate.fusion_rule import FusionRule, by_study
from convert.evaluate.estimators import Column, Estimators, columns_of
from convert.evaluate.gather import Gathered
from convert.evaluate.networks import Networks
from convert.evaluate.promises import promises
from convert.evaluate.result import Accuracy, NetworkResult, RunResult
from convert.evaluate.shown import Shown
from convert.evaluate.trays import Source
from convert.evaluate.volumes import Row


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The figures, the wells that they are of, and the worst trays per source, worst first."""

    result: Accuracy
    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    worst: dict[str, tuple[Shown, ...]]


def evaluate(
    sources: Sequence[Source],
    runs: Sequence[Networks],
    done: Callable[[], object] = lambda: None,
    fusion: FusionRule = by_study,
) -> Evaluation:
    """Measure every tray of the sources; runs have different names. `done` is called after each tray.

    `fusion` joins the estimates of all runs to readings.

    Trays that cannot be found are counted as rejected. Raises `ConvertError` where not one well of a source
    can be measured, and `JanbanError` for damaged files.
    """
    names = [run.name for run in runs]
    gathered = {source.name: _measured(source, runs, done, fusion) for source in sources}
    found = tuple(part.figures() for part in gathered.values())
    return Evaluation(
        Accuracy(runs=tuple(_described(run) for run in runs), sources=found, promises=promises(found, names)),
        tuple(row for part in gathered.values() for row in part.rows),
        columns_of(names),
        {name: tuple(part.worst) for name, part in gathered.items()},
    )


def _measured(
    source: Source, runs: Sequence[Networks], done: Callable[[], object], fusion: FusionRule
) -> Gathered:
    gathered = Gathered(source, [run.name for run in runs])
    for set_up in source.set_ups:
        calibration = set_up.calibration
        estimators = Estimators(calibration, runs, fusion)
        for picture in set_up.pictures:
            try:
                tray = set_up.tray(picture)
            except TrayNotFoundError as error:
                gathered.reject(f"{set_up.name}/{picture}", str(error))
            else:
                gathered.add(set_up.name, tray, estimators.measure(tray), estimators, calibration)
            done()
    return gathered


def _described(run: Networks) -> RunResult:
    return RunResult(
        name=run.name,
        networks=tuple(
            NetworkResult(network=file.network, file=file.file, sha256=file.sha256, trained=file.trained)
            for file in run.files
        ),
    )
