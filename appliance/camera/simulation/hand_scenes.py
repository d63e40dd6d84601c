"""Scenes of the standing belt: trays that people set down, push, forget and take away; hands; lamps."""

from dataclasses import dataclass

from appliance.camera.simulation.motion import Actor, Path, Sheet
from appliance.camera.simulation.stage import Stage

_GRIP_S = 0.15
"""How long a hand rests on a tray before and after it moves it."""


@dataclass(frozen=True)
class _Push:
    """A tray's shift and turn, and how long it lies afterwards."""

    x_mm: float
    y_mm: float
    turn_deg: float
    rest_s: float


def set_down(stage: Stage) -> Sheet:
    """Set down one to three trays in turn; now and then the belt starts and carries off one more."""
    sheet = Sheet()
    for _ in range(stage.count(1, 3)):
        _lie(stage, sheet, rest_s=stage.uniform(1.0, max(1.5, min(6.0, 2 * stage.pitch_s))))
        sheet.length_s += stage.uniform(0.2, 1.5)
    if stage.chance(0.3):
        _lie(stage, sheet, rest_s=stage.uniform(1.0, 3.0), carried_off=True)
    return sheet


def nudge(stage: Stage) -> Sheet:
    """Push and turn a lying tray one to three times."""
    turn = 25.0 if stage.any_angle else 4.0
    pushes = [
        _Push(
            stage.uniform(-70, 70), stage.uniform(-40, 40), stage.uniform(-turn, turn), stage.uniform(0.6, 3)
        )
        for _ in range(stage.count(1, 3))
    ]
    sheet = Sheet()
    _lie(stage, sheet, rest_s=stage.uniform(1.0, 3.0), pushes=pushes)
    return sheet


def stay(stage: Stage) -> Sheet:
    """Forget a tray for a while."""
    sheet = Sheet()
    _lie(stage, sheet, rest_s=stage.uniform(20, 60))
    return sheet


def hands(stage: Stage) -> Sheet:
    """Reach into the view and leave, one to three times."""
    sheet = Sheet()
    away_mm = stage.outside_mm[1]
    for _ in range(stage.count(1, 3)):
        x, y = stage.uniform(-200, 200), stage.uniform(-250, 100)
        here_s = sheet.length_s + stage.uniform(0.3, 1.0)
        leave_s = here_s + stage.uniform(0.05, 2.0)
        gone_s = leave_s + stage.uniform(0.3, 1.0)
        moved = x + stage.uniform(-80, 80)
        _hold(
            stage,
            sheet,
            (sheet.length_s, x, away_mm),
            (here_s, x, y),
            (leave_s, moved, y),
            (gone_s, x, away_mm),
        )
        sheet.length_s = gone_s + stage.uniform(0, 0.8)
    return sheet


def lamps(stage: Stage) -> Sheet:
    """Switch lamps off or on and back again, over an empty belt or over a lying tray."""
    sheet = Sheet()
    if stage.chance(0.5):
        _lie(stage, sheet, rest_s=stage.uniform(5, 9))
    sheet.length_s = max(sheet.length_s, stage.uniform(5, 9))
    off_s = stage.uniform(1.5, sheet.length_s / 2)
    on_s = stage.uniform(off_s + 0.5, sheet.length_s - 0.5)
    gain, warmth = stage.uniform(0.45, 1.25), stage.uniform(-0.1, 0.1)
    other = (gain * (1 - warmth), gain, gain * (1 + warmth))
    switch_s = stage.uniform(0.01, 0.3)
    sheet.light = Path.through(
        (0, 1, 1, 1), (off_s, 1, 1, 1), (off_s + switch_s, *other), (on_s, *other), (on_s + switch_s, 1, 1, 1)
    )
    return sheet


def _lie(
    stage: Stage, sheet: Sheet, *, rest_s: float, pushes: list[_Push] | None = None, carried_off: bool = False
) -> None:
    """Add a tray that a hand brings, that lies, may be pushed, and is fetched or carried off by the belt."""
    angle = stage.angle_deg()
    x, y = stage.place(angle)
    away_mm = stage.outside_mm[1]
    come_s, time_s = sheet.length_s, sheet.length_s + stage.uniform(0.3, 0.6)
    from_x = x + stage.uniform(-60, 60)
    keys: list[tuple[float, ...]] = [(come_s, from_x, away_mm, angle), (time_s, x, y, angle)]
    let_go_s = time_s + _GRIP_S
    gone_s = let_go_s + stage.uniform(0.3, 0.6)
    _hold(
        stage,
        sheet,
        (come_s, from_x, away_mm),
        (time_s, x, y),
        (let_go_s, x, y),
        (gone_s, x + 40, away_mm + y),
    )
    time_s += rest_s
    keys.append((time_s, x, y, angle))
    for push in pushes or []:
        before, begin_s = (x, y), time_s
        angle += push.turn_deg
        x, y = stage.within(x + push.x_mm, y + push.y_mm, angle)
        time_s += stage.uniform(0.2, 0.6)
        if stage.chance(0.6):
            near, far = (begin_s - 0.4, before[0], before[1] + away_mm), (time_s + 0.4, x, y + away_mm)
            _hold(stage, sheet, near, (begin_s, *before), (time_s, x, y), far)
        keys.append((time_s, x, y, angle))
        time_s += push.rest_s
        keys.append((time_s, x, y, angle))
    if carried_off:
        end_s = time_s + (stage.outside_mm[0] - x) / stage.speed_mm_s
        keys.append((end_s, stage.outside_mm[0], y, angle))
        sheet.belt = Path.through((0, 0), (time_s, 0), (end_s, stage.outside_mm[0] - x))
    else:
        end_s = time_s + stage.uniform(0.3, 0.6)
        keys.append((end_s, x, away_mm, angle))
        reach_s = time_s - _GRIP_S - stage.uniform(0.3, 0.6)
        _hold(
            stage,
            sheet,
            (reach_s, x - 30, y + away_mm),
            (time_s - _GRIP_S, x, y),
            (time_s, x, y),
            (end_s, x, away_mm),
        )
    sheet.actors.append(stage.tray(Path.through(*keys)))
    sheet.length_s = max(actor.end_s for actor in sheet.actors)


def _hold(stage: Stage, sheet: Sheet, *keys: tuple[float, float, float]) -> None:
    """Add a hand that is at the lower edge of a tray lying at the keys' places (time, x, y)."""
    grip_mm = stage.tray_mm[1] / 2 + 10
    path = Path.through(*((time_s, x, y + grip_mm, 0.0) for time_s, x, y in keys))
    sheet.actors.append(Actor("hand", path, stage.seed()))
