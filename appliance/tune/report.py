"""What a search has to say: in numbers, in words, and as settings to put into the configuration."""

from dataclasses import dataclass

import numpy as np

from appliance.config_keys import toml
from appliance.estimate.settings import EstimateSettings
from appliance.tune.gain import LEAST_PICTURES, Gain, gain
from appliance.tune.search import Found
from appliance.tune.space import Space
from appliance.tune.trays import LabelledTrays


@dataclass(frozen=True)
class WellError:
    """One compartment's mean absolute errors, 0..1: now, and with settings found without the picture."""

    id: int
    name: str
    labels: int
    before: float
    after: float


@dataclass(frozen=True)
class Report:
    """The figures of a search; errors are mean absolute errors of leftovers, 0..1.

    `chosen` is the error of the best settings on the very pictures that chose them; `gain` compares on
    pictures that did not.
    """

    settings: dict[str, object]
    present: dict[str, object]
    chosen: float
    gain: Gain
    wells: tuple[WellError, ...]
    trials: int
    labels: int
    stopped: bool

    @property
    def changed(self) -> bool:
        """Whether other settings than the present ones did best."""
        return self.settings != self.present

    def verdict(self) -> str:
        """Say in one sentence whether to change the settings."""
        if not self.changed:
            return "Keep the present settings: none that were tried do better."
        if self.gain.significant:
            return "The gain is significant: take the new settings."
        if self.gain.pictures < LEAST_PICTURES:
            return (
                f"Not to be relied on: it takes {LEAST_PICTURES} pictures or more to tell a gain from luck."
            )
        return "The gain is not significant: keep the present settings, or label more pictures."

    def words(self) -> str:
        """Return the report for people."""
        g = self.gain
        end = ", stopped before the end" if self.stopped else ""
        lines = [
            f"{self.trials} settings tried on {self.labels} labels of {g.pictures} pictures{end}",
            "mean absolute error, in points:",
            f"  present settings        {100 * g.before:5.1f}",
            f"  best settings           {100 * self.chosen:5.1f}  on the pictures that chose them",
            f"  the same way, held out  {100 * g.after:5.1f}  on others: {_interval(g)}",
            "per compartment, present and held out:",
        ]
        for well in self.wells:
            errors = f"{100 * well.before:5.1f} {100 * well.after:5.1f}"
            lines.append(f"  {well.id}  {well.name:20} {errors}  ({well.labels} labels)")
        return "\n".join([*lines, self.verdict()])

    def as_json(self) -> dict[str, object]:
        """Return the report as JSON's types."""
        g = self.gain
        return {
            "trials": self.trials,
            "stopped": self.stopped,
            "pictures": g.pictures,
            "labels": self.labels,
            "present": {"settings": self.present, "error": round(g.before, 4)},
            "best": {"settings": self.settings, "error": round(self.chosen, 4)},
            "held_out": {
                "error": round(g.after, 4),
                "gain": round(g.gain, 4),
                "gain_95": [round(g.low, 4), round(g.high, 4)],
                "significant": g.significant,
            },
            "compartments": [
                {
                    "id": well.id,
                    "name": well.name,
                    "labels": well.labels,
                    "present": round(well.before, 4),
                    "held_out": round(well.after, 4),
                }
                for well in self.wells
            ],
            "verdict": self.verdict(),
        }

    def snippet(self) -> str:
        """Return the best settings as TOML: the section `[estimate]`, with what they are worth above it."""
        g = self.gain
        values = "".join(f"{name} = {toml(value)}\n" for name, value in self.settings.items())
        return f"""\
# The best of {self.trials} settings that `appliance tune` tried; {self.labels} labels, {g.pictures} pictures.
# Mean absolute error {100 * self.chosen:.1f} points, before {100 * g.before:.1f}.
# On pictures that did not choose: {_interval(g)}.
# {self.verdict()}
# This goes into the configuration in place of [estimate]. To try it in the shade first, name the section
# [variant.estimate], below a section [variant] with a name.
[estimate]
{values}"""


def report(
    found: Found[EstimateSettings], space: Space[EstimateSettings], trays: LabelledTrays, seed: int
) -> Report:
    """Judge what a search found on `trays`."""
    before, after = found.present.errors, found.held_out
    ids = np.array([label.compartment for label in trays.labels])
    wells = tuple(
        WellError(well.id, well.name, int(here.sum()), float(before[here].mean()), float(after[here].mean()))
        for well in trays.calibration.layout.compartments
        if (here := ids == well.id).any()
    )
    return Report(
        settings=space.meaningful(found.best.settings),
        present=space.meaningful(found.present.settings),
        chosen=float(found.best.errors.mean()),
        gain=gain(before, after, trays.pictures, seed),
        wells=wells,
        trials=len(found.trials),
        labels=len(trays.labels),
        stopped=found.stopped,
    )


def _interval(g: Gain) -> str:
    return f"gain {100 * g.gain:.1f}, 95 % interval {100 * g.low:.1f} to {100 * g.high:.1f}"
