import numpy as np

from appliance.estimate.deck import deck_mask

NO_WELLS = np.zeros((200, 200), np.bool_)


def test_the_deck_is_clear_of_rim_and_wells() -> None:
    wells = NO_WELLS.copy()
    wells[80:120, 80:120] = True
    deck = deck_mask(wells, 1.0)
    assert not (deck & wells).any()
    assert not deck[:12].any()
    assert not deck[78, 100]
    assert deck[12, 12]
    assert deck[60, 100]


def test_beyond_the_corners_of_a_tray_lies_no_deck() -> None:
    y, x = np.indices(NO_WELLS.shape)
    from_middle = np.hypot(x - 99.5, y - 99.5)
    round_tray = deck_mask(NO_WELLS, 1.0, 100.0)
    assert not round_tray[from_middle > 90].any()
    assert round_tray[from_middle < 86].all()
    assert np.count_nonzero(deck_mask(NO_WELLS, 1.0, 30.0)) < np.count_nonzero(deck_mask(NO_WELLS, 1.0))
