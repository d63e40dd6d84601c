"""What is kept of one source while its trays are measured, and the figures of it all."""

from collections.abc import Sequence

from appliance.tray.references import Calibration
from convert.errors import ConvertError
from convert.evaluate.estimators import Estimators, Measured, columns_of
from convert.evaluate.pixels import ClassTally, HeightTally, QuantityTally
from convert.evaluate.result import OnSource, SourceResult
from convert.evaluate.shown import Shown, show, worst_first
from convert.evaluate.trays import Source, Tray, truth_on_grid
from convert.evaluate.volumes import Row, volumes


class Gathered:
    """Rows of wells, sums over pixels, and the worst trays of a source."""

    def __init__(self, source: Source, runs: Sequence[str]) -> None:
        self.rows: list[Row] = []
        self.worst: list[Shown] = []
        self._source = source
        self._runs = runs
        self._missed = 0
        self._rejected: list[str] = []
        self._classes = {run: ClassTally() for run in runs}
        self._heights = {run: HeightTally() for run in runs}
        self._quantities = {run: QuantityTally() for run in runs}

    def reject(self, name: str, reason: str) -> None:
        """Count a tray that was not found."""
        self._rejected.append(f"{name}: {reason}")

    def add(
        self, set_up: str, tray: Tray, measured: Measured, estimators: Estimators, calibration: Calibration
    ) -> None:
        """Count a tray that was measured."""
        rows = tuple(
            Row(
                source=self._source.name,
                set_up=set_up,
                tray=tray.name,
                complications=tray.complications,
                well=well,
                read={column: by_well[well.id] for column, by_well in measured.estimates.items()},
            )
            for well in tray.wells
        )
        self.rows += rows
        self._missed += len(tray.missed)
        for run, maps in measured.maps.items():
            of_classes = truth_on_grid(tray, calibration, maps.probabilities.shape[1:])
            of_depth = truth_on_grid(tray, calibration, maps.depth.shape)
            if of_classes is not None and of_depth is not None:
                self._classes[run].add(maps.probabilities, of_classes.classes)
                self._heights[run].add(maps.depth, estimators.empty[run].depth, of_depth)
            everything = (*tray.wells, *tray.missed)
            if maps.quantity is not None and everything:
                mean = sum(well.leftover for well in everything) / len(everything)
                self._quantities[run].add(maps.quantity, mean)
        if rows:
            shown = show(tray, rows, measured, estimators, calibration)
            self.worst = worst_first([*self.worst, shown])

    def figures(self) -> SourceResult:
        """Return the source's figures; raises `ConvertError` where no well was measured."""
        source = self._source
        if not self.rows:
            why = f": {self._rejected[0]}" if self._rejected else ""
            raise ConvertError(f"{source.name}: not one well could be measured{why}")
        return SourceResult(
            name=source.name,
            about=source.about,
            set_ups=len(source.set_ups),
            trays=source.count,
            wells=len(self.rows),
            missed_wells=self._missed,
            rejected=tuple(self._rejected),
            volumes=tuple(volumes(self.rows, column) for column in columns_of(self._runs)),
            networks=tuple(
                OnSource(
                    run=run,
                    segmentation=self._classes[run].figures(),
                    depth=self._heights[run].figures(),
                    quantity=self._quantities[run].figures(),
                )
                for run in self._runs
            ),
        )
