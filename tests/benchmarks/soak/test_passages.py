from appliance.camera.settings import SimulatorSettings
from appliance.camera.simulator import SimulatedLine
from benchmarks.soak.conduct import STEADY
from benchmarks.soak.passages import passages

SETTINGS = SimulatorSettings.model_validate({"width": 320, "height": 240, "trays_per_minute": 42, **STEADY})


def test_passages_are_those_of_the_line_that_the_camera_sees() -> None:
    shown = passages(SETTINGS, 20)
    line = SimulatedLine(SETTINGS.model_copy(update={"real_time": False}))
    with line:
        while line.read(1.0).index < 199:
            pass
    assert [one.tray for one in shown][: len(line.trays_passed)] == [one.tray for one in line.trays_passed]
    assert len(shown) >= 8
    assert all(0.3 < one.last_s - one.first_s < 5 for one in shown[:-1])
