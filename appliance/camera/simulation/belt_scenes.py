"""Scenes of the moving belt: trays apart or touching, a belt that stops, napkins, nothing."""

import numpy as np

from appliance.camera.simulation.motion import Actor, Path, Sheet
from appliance.camera.simulation.stage import Stage


def train(stage: Stage, *, touching: bool) -> Sheet:
    """Send a row of trays at one speed; they keep the line's pace, or each touches the one before."""
    speed = stage.speed_mm_s * stage.uniform(1.0, 1.3)
    sheet = Sheet()
    centre_mm = half_mm = 0.0
    for i in range(stage.count(2, 4) if touching else stage.count(6, 14)):
        angle = stage.angle_deg()
        before_mm, half_mm = half_mm, stage.half_extent_mm(angle, 0)
        contact_mm = centre_mm + before_mm + half_mm
        paced_mm = centre_mm + speed * stage.pitch_s * stage.uniform(0.95, 1.3)
        centre_mm = contact_mm if touching or i == 0 else max(paced_mm, contact_mm)
        y = 0.5 * stage.place(angle)[1]
        start_s = centre_mm / speed
        end_s = start_s + 2 * stage.outside_mm[0] / speed
        path = Path.through((start_s, -stage.outside_mm[0], y, angle), (end_s, stage.outside_mm[0], y, angle))
        sheet.actors.append(stage.tray(path))
    sheet.length_s = sheet.actors[-1].end_s
    sheet.belt = Path.through((0, 0), (sheet.length_s, sheet.length_s * speed))
    return sheet


def belt_stop(stage: Stage) -> Sheet:
    """Stop the belt once or twice, wherever its trays are, and let it go on."""
    sheet = train(stage, touching=stage.chance(0.4))
    now_s, then_s = [0.0], [0.0]
    stops = sorted(stage.uniform(0.1, 0.9) * sheet.length_s for _ in range(stage.count(1, 2)))
    late_s = 0.0
    for stop_s in stops:
        pause_s = stage.uniform(1.0, 12.0)
        now_s += [stop_s + late_s, stop_s + late_s + pause_s]
        then_s += [stop_s, stop_s]
        late_s += pause_s
    now = np.array([*now_s, sheet.length_s + late_s])
    then = np.array([*then_s, sheet.length_s])
    actors = [actor.on(actor.path.retimed(now, then)) for actor in sheet.actors]
    return Sheet(sheet.belt.retimed(now, then), sheet.light, actors, float(now[-1]))


def napkins(stage: Stage) -> Sheet:
    """Let one to three napkins drift by, turning a little."""
    sheet = Sheet()
    speed = stage.speed_mm_s * stage.uniform(0.8, 1.3)
    start_s = 0.0
    far_mm = stage.outside_mm[0]
    for _ in range(stage.count(1, 3)):
        y, angle = stage.uniform(-180, 180), stage.uniform(0, 360)
        end_s = start_s + 2 * far_mm / speed
        path = Path.through((start_s, -far_mm, y, angle), (end_s, far_mm, y, angle + stage.uniform(-20, 20)))
        sheet.actors.append(Actor("napkin", path, stage.seed()))
        start_s += stage.uniform(0.5, 2.5)
    sheet.length_s = sheet.actors[-1].end_s
    sheet.belt = Path.through((0, 0), (sheet.length_s, sheet.length_s * speed))
    return sheet


def empty(stage: Stage) -> Sheet:
    """Show nothing, on a belt that stands or runs."""
    length_s = stage.uniform(3, 12)
    distance_mm = length_s * stage.speed_mm_s if stage.chance(0.5) else 0.0
    return Sheet(Path.through((0, 0), (length_s, distance_mm)), length_s=length_s)
