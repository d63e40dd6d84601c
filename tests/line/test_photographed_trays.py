from datetime import UTC, datetime

import cv2
import numpy as np
import pytest

from appliance.camera.frame import Frame
from appliance.line.trigger import Trigger, TriggerSettings
from tests.line.photographed_line import (
    DATA,
    RENDERED,
    compose,
    counter,
    cutouts,
    gliding,
    set_down,
    steel_counter,
)

LEFTOVERS = DATA / "canteen_tray_leftovers"


@pytest.mark.skipif(not RENDERED.is_dir(), reason="the shared pictures are not here")
@pytest.mark.parametrize(
    "ground",
    [
        "steel",
        pytest.param("white laminate", marks=pytest.mark.slow),
        pytest.param("dark belt", marks=pytest.mark.slow),
        pytest.param("light wood", marks=pytest.mark.slow),
    ],
)
def test_trays_on_real_counters_count_once_each(ground: str) -> None:
    setup = {"white laminate": 1, "dark belt": 2, "light wood": 3, "steel": 1}[ground]
    trays = cutouts(setup)[:4]
    picture = steel_counter() if ground == "steel" else counter(setup)
    assert len(trays) == 4
    for group, way in ((trays[:2], gliding(trays[:2], 85)), (trays[2:], set_down(trays[2:]))):
        trigger = Trigger(TriggerSettings())
        shown = []
        for frame, poses in compose(picture, group, way):
            for event in trigger.feed(frame):
                [pose] = poses
                shown.append(pose.tray)
                centre = np.mean(event.corners_px, axis=0)
                assert abs(centre[1] - 359.5) < 40
        assert shown == [0, 1]


@pytest.mark.skipif(not LEFTOVERS.is_dir(), reason="the shared pictures are not here")
def test_a_stream_of_unlike_photographs_is_survived() -> None:
    trigger = Trigger(TriggerSettings())
    paths = sorted(LEFTOVERS.rglob("*.jpg"))[:20]
    assert paths
    for i, path in enumerate(paths):
        image = cv2.imread(str(path))
        assert image is not None
        trigger.feed(Frame(np.asarray(image, np.uint8), i * 0.1, datetime(2026, 3, 2, tzinfo=UTC), i))
    trigger.flush()
