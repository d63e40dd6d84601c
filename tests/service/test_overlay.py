import numpy as np

from appliance.service.overlay import Layer, WellMark, draw_overlay

SQUARE = np.array([[100.0, 100.0], [300.0, 100.0], [300.0, 300.0], [100.0, 300.0]])
VIOLET, CYAN = (255, 64, 200), (255, 255, 0)


def grey() -> np.ndarray:
    return np.full((480, 640, 3), 128, np.uint8)


def patch(rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros((480, 640), np.bool_)
    mask[rows, columns] = True
    return mask


def well(leftover: float, *, flagged: bool = False) -> WellMark:
    return WellMark(SQUARE, leftover, 0.05, flagged)


def test_the_picture_given_is_left_alone() -> None:
    picture = grey()
    food = Layer("food", np.ones((480, 640), np.bool_), VIOLET)
    drawn = draw_overlay(picture, [food], [well(0.5)], "tray")
    assert (picture == 128).all()
    assert drawn.shape == picture.shape
    assert drawn.dtype == np.uint8


def test_food_is_tinted_and_nothing_else() -> None:
    drawn = draw_overlay(grey(), [Layer("food", patch(slice(250, 260), slice(400, 420)), VIOLET)], [], "tray")
    assert (drawn[255, 410] != 128).any()
    assert (drawn[255, 430] == 128).all()


def test_what_is_hatched_shows_through() -> None:
    where = slice(200, 300), slice(400, 500)
    drawn = draw_overlay(grey(), [Layer("foreign", patch(*where), CYAN, hatched=True)], [], "tray")
    inside = drawn[210:290, 410:490].reshape(-1, 3)
    inked = float((inside == CYAN).all(axis=1).mean())
    assert 0.1 < inked < 0.5
    assert inked + float((inside == 128).all(axis=1).mean()) == 1.0


def test_the_legend_names_only_what_is_there() -> None:
    nothing = Layer("rice", np.zeros((480, 640), np.bool_), VIOLET)
    food = Layer("solid", patch(slice(250, 260), slice(400, 420)), VIOLET)
    bare = draw_overlay(grey(), [], [], "tray")
    assert (draw_overlay(grey(), [nothing], [], "tray") == bare).all()
    corner = slice(0, 30), slice(500, 640)
    assert (draw_overlay(grey(), [nothing, food], [], "tray")[corner] != bare[corner]).any()


def test_outlines_turn_from_green_to_red() -> None:
    empty = draw_overlay(grey(), [], [well(0.0)], "tray")[100, 200]
    full = draw_overlay(grey(), [], [well(1.0)], "tray")[100, 200]
    assert empty[1] > 180
    assert empty[2] < 60
    assert full[2] > 180
    assert full[1] < 60


def test_a_hidden_well_is_marked() -> None:
    sure = draw_overlay(grey(), [], [well(0.5)], "tray")
    unsure = draw_overlay(grey(), [], [well(0.5, flagged=True)], "tray")
    assert (sure != unsure).any()


def test_outlines_outside_the_picture_are_clipped() -> None:
    mark = WellMark(SQUARE - 250.0, 0.3, 0.1, flagged=False)
    drawn = draw_overlay(grey(), [], [mark], "tray")
    assert drawn.shape == (480, 640, 3)
