"""What stands in for the appliance's parts, each doing as it is told."""

import json
from dataclasses import replace

from appliance.clock import Deadline
from appliance.errors import NoDeviceError, StoreError
from appliance.inference.networks import NetworkCounts
from appliance.picture import Picture
from appliance.publish.client import PublisherState
from appliance.readings.reading import Draft, Reading
from appliance.readings.resilient import ResilientStore
from appliance.service.pipeline import MeasuredTray, rejected
from appliance.service.stages import Stages
from tests.service.lines import Gate


class Measurer:
    """Rejects every tray for a reason of its own; one whose first pixel is 7 breaks it.

    Its networks are away for the first `away` times that it is asked to get ready.
    """

    def __init__(self, gate: Gate | None = None, away: int = 0) -> None:
        self._gate = gate
        self._away = away
        self.asked = 0
        self.closed = False

    def degraded(self) -> list[str]:
        return ["the Coral is away"] if self.asked <= self._away else []

    def prepare(self) -> None:
        self.asked += 1
        if self.degraded():
            raise NoDeviceError("the Coral is away")

    def health(self) -> dict[str, object]:
        return {"device": "cpu", "versions": {}, "ready": not self.degraded(), "complaints": []}

    def counts(self) -> NetworkCounts:
        return NetworkCounts(faults=1, usb_resets=2)

    def close(self) -> None:
        self.closed = True

    def too_late(self, deadline: Deadline) -> bool:
        return deadline.remaining_s < 0.01

    def measure(self, picture: Picture, *, deadline: Deadline, stages: Stages) -> MeasuredTray:
        assert deadline.remaining_s <= 4.0
        if self._gate is not None:
            self._gate.pass_through()
        if picture[0, 0, 0] == 7:
            raise ZeroDivisionError
        return rejected("scripted", stages)


class Shade:
    """Marks every tray that it sees, and remembers whether another one waited then."""

    def __init__(self) -> None:
        self.waiting: list[bool] = []

    def beside(self, tray: MeasuredTray, deadline: Deadline, *, waiting: bool) -> MeasuredTray:
        assert 0 < deadline.remaining_s <= 4.0
        self.waiting.append(waiting)
        return replace(tray, outcome=tray.outcome.model_copy(update={"reason": "seen in the shade"}))


class Publisher:
    def __init__(self) -> None:
        self.health: list[dict[str, object]] = []
        self.info: list[dict[str, object]] = []
        self.stopped = False
        self.connects = 0
        self.last_fault = None
        self.state = PublisherState(connected=False, since_s=0.0)

    def start(self) -> None: ...

    def wake(self) -> None: ...

    def stop(self) -> None:
        self.stopped = True

    def set_info(self, fields: dict[str, object]) -> None:
        json.dumps(fields)
        self.info.append(fields)

    def send_health(self, fields: dict[str, object]) -> None:
        json.dumps(fields)
        self.health.append(fields)


class FullStore(ResilientStore):
    """A store that takes readings nowhere as often as it is told, and hangs then while a gate is closed."""

    refusals = 0
    gate: Gate | None = None

    def add(self, draft: Draft) -> Reading:
        if self.refusals > 0:
            self.refusals -= 1
            raise StoreError("the disk is full")
        if self.gate is not None:
            self.gate.pass_through()
        return super().add(draft)
