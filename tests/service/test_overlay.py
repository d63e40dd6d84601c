import numpy as np

from appliance.service.overlay import WellMark, draw_overlay

SQUARE = np.array([[100.0, 100.0], [300.0, 100.0], [300.0, 300.0], [100.0, 300.0]])


def grey() -> np.ndarray:
    return np.full((480, 640, 3), 128, np.uint8)


def well(leftover: float, *, flagged: bool = False) -> WellMark:
    return WellMark(SQUARE, leftover, 0.05, flagged)


def test_the_picture_given_is_left_alone() -> None:
    picture = grey()
    drawn = draw_overlay(picture, np.ones((480, 640), np.bool_), [well(0.5)], "tray")
    assert (picture == 128).all()
    assert drawn.shape == picture.shape
    assert drawn.dtype == np.uint8


def test_food_is_tinted_and_nothing_else() -> None:
    food = np.zeros((480, 640), np.bool_)
    food[50:60, 400:420] = True
    drawn = draw_overlay(grey(), food, [], "tray")
    assert (drawn[55, 410] != 128).any()
    assert (drawn[55, 430] == 128).all()


def test_outlines_turn_from_green_to_red() -> None:
    none = np.zeros((480, 640), np.bool_)
    empty = draw_overlay(grey(), none, [well(0.0)], "tray")[100, 200]
    full = draw_overlay(grey(), none, [well(1.0)], "tray")[100, 200]
    assert empty[1] > 180
    assert empty[2] < 60
    assert full[2] > 180
    assert full[1] < 60


def test_a_hidden_well_is_marked() -> None:
    none = np.zeros((480, 640), np.bool_)
    sure = draw_overlay(grey(), none, [well(0.5)], "tray")
    unsure = draw_overlay(grey(), none, [well(0.5, flagged=True)], "tray")
    assert (sure != unsure).any()


def test_outlines_outside_the_picture_are_clipped() -> None:
    mark = WellMark(SQUARE - 250.0, 0.3, 0.1, flagged=False)
    drawn = draw_overlay(grey(), np.zeros((480, 640), np.bool_), [mark], "tray")
    assert drawn.shape == (480, 640, 3)
