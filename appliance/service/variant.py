"""A second set of parameters, measured in the shade: after the result that counts, and only in time left."""

import logging
from collections.abc import Callable
from dataclasses import replace

from appliance.clock import Clock, Deadline
from appliance.readings.variant import Variant, VariantCompartment
from appliance.service.durations import Durations
from appliance.service.judge import Judgement, View
from appliance.service.pipeline import MeasuredTray

_LOG = logging.getLogger(__name__)

_STAGE = "variant"


class Shade:
    """Judges trays once more, by what is under test.

    Whatever it does, the result that counts is as it was: a variant that would come too late, or at the
    expense of a tray that waits, is skipped, and one that fails says so in place of numbers. `ample_s` is
    more time than any stage takes on a machine in good health.
    """

    def __init__(self, name: str, judge: Callable[[View], Judgement], clock: Clock, ample_s: float) -> None:
        self._name = name
        self._judge = judge
        self._clock = clock
        self._ample_s = ample_s
        self._durations = Durations()

    def beside(self, tray: MeasuredTray, deadline: Deadline, *, waiting: bool = False) -> MeasuredTray:
        """Return the tray with the variant's result beside its own; a rejected one as it is.

        `deadline` is the tray's; `waiting` says that another tray waits for its turn.
        """
        if tray.view is None:
            return tray
        variant = self._variant(tray.view, deadline, waiting=waiting)
        return replace(tray, outcome=tray.outcome.model_copy(update={"variant": variant}))

    def _variant(self, view: View, deadline: Deadline, *, waiting: bool) -> Variant:
        if waiting:
            return Variant(name=self._name, skipped="another tray waited")
        if not self._fits(deadline.remaining_s):
            return Variant(name=self._name, skipped="there was no time left")
        started_s = self._clock.monotonic_s()
        try:
            judged = self._judge(view)
        except Exception as error:  # noqa: BLE001 - what is under test must not cost the reading
            _LOG.exception("variant %s failed", self._name)
            return Variant(name=self._name, skipped=f"internal error: {type(error).__name__}")
        took_s = self._clock.monotonic_s() - started_s
        self._durations.add(_STAGE, took_s)
        return Variant(
            name=self._name,
            path=judged.path,
            compartments=tuple(
                VariantCompartment(id=c.id, leftover=c.leftover, uncertainty=c.uncertainty)
                for c in judged.compartments
            ),
            leftover=judged.leftover,
            latency_ms=max(0.0, took_s) * 1000,
        )

    def _fits(self, remaining_s: float) -> bool:
        # Of a variant that never ran nobody knows how long it takes.
        if self._durations.p95_s(_STAGE) == 0.0 and remaining_s < self._ample_s:
            return False
        return self._durations.fits(_STAGE, remaining_s, self._ample_s)
