import threading
from datetime import UTC, datetime

import pytest

from appliance.camera.frame import Frame
from appliance.clock import Deadline, SystemClock
from appliance.errors import CommandError
from appliance.service.next_tray import NextTray
from appliance.service.pipeline import MeasuredTray, rejected
from appliance.service.stages import Stages
from tests.publish.listener import eventually
from tests.service.lines import noisy, tray_event

CLOCK = SystemClock()


def tray(reason: str) -> MeasuredTray:
    return rejected(reason, Stages(CLOCK))


EVENT = tray_event(Frame(noisy(1), 0.0, datetime(2026, 3, 2, tzinfo=UTC), 1))


def test_the_next_tray_is_one_that_comes_after_the_wish() -> None:
    trays, seen = NextTray(), []
    trays.see(EVENT, tray("before"))
    waiting = threading.Thread(target=lambda: seen.append(trays.wait(Deadline.after(30, CLOCK))))
    waiting.start()
    eventually(trays._wanted.is_set, "waiting")
    trays.see(EVENT, tray("next"))
    trays.see(EVENT, tray("after"))
    waiting.join(30)
    assert [one.outcome.reason for _, one in seen] == ["next"]


def test_nobody_waits_for_ever() -> None:
    trays = NextTray()
    with pytest.raises(CommandError, match="no tray came in time"):
        trays.wait(Deadline.after(0.05, CLOCK))
    trays.see(EVENT, tray("too late"))
    with pytest.raises(CommandError, match="no tray came in time"):
        trays.wait(Deadline.after(0.05, CLOCK))
    trays.close()
    with pytest.raises(CommandError, match="the service ends"):
        trays.wait(Deadline.after(30, CLOCK))
