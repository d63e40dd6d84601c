import cv2
import numpy as np
import pytest

from appliance.estimate.back_projection import BackProjectionParameters, estimate, prepare
from appliance.estimate.parameters import Channels, Morphology
from appliance.estimate.study import study_mask, study_reference
from tests.estimate.wells import below, calibration, steel, with_chopped

CALIBRATION = calibration()
ALL = np.ones(CALIBRATION.empty.shape[:2], np.bool_)


def test_the_published_parameters_are_the_defaults() -> None:
    p = BackProjectionParameters()
    assert (p.use_channels, p.hist_bins, p.thresh, p.morph_op, p.use_percentile, p.food_percent) == (
        "H+S",
        (180, 256),
        50,
        "close",
        False,
        70.0,
    )


def test_the_published_method_step_by_step() -> None:
    assert CALIBRATION.full is not None
    opening, full = below(1.0, 1), CALIBRATION.full
    returned = with_chopped(steel(4), below(0.4, 1))
    hsv, seen = cv2.cvtColor(full, cv2.COLOR_BGR2HSV), cv2.cvtColor(returned, cv2.COLOR_BGR2HSV)
    histogram = cv2.calcHist([hsv], [0, 1], opening.astype(np.uint8), [180, 256], [0, 180, 0, 256])
    cv2.normalize(histogram, histogram, 0, 255, cv2.NORM_MINMAX)
    match = cv2.calcBackProject([seen], [0, 1], histogram, [0, 180, 0, 256], 1)
    expected = ((match >= 50) & opening).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    expected = cv2.morphologyEx(expected, cv2.MORPH_CLOSE, kernel) & opening
    p = BackProjectionParameters(method="study")
    assert np.array_equal(study_mask(returned, opening, study_reference(full, opening, p), p), expected > 0)


@pytest.mark.parametrize("use_channels", ["H+S", "H+V", "S+V"])
@pytest.mark.parametrize("morph_op", ["close", "open", "none"])
def test_every_choice_reads_a_served_tray_as_full(use_channels: Channels, morph_op: Morphology) -> None:
    assert CALIBRATION.full is not None
    p = BackProjectionParameters(method="study", use_channels=use_channels, morph_op=morph_op, thresh=5)
    found = estimate(CALIBRATION.full, ALL, prepare(CALIBRATION, p))
    assert found[1].estimate.leftover == 1.0
    assert found[2].estimate.leftover == 1.0


def test_a_higher_threshold_never_finds_more() -> None:
    assert CALIBRATION.full is not None
    opening = below(1.0, 1)
    areas = []
    for thresh in (1, 20, 50, 120, 255):
        p = BackProjectionParameters(method="study", thresh=thresh, morph_op="none")
        areas.append(study_reference(CALIBRATION.full, opening, p).area_px)
    assert areas == sorted(areas, reverse=True)


@pytest.mark.parametrize("percent", [30.0, 70.0])
def test_percentile_mode_takes_that_share_of_the_served_well(percent: float) -> None:
    assert CALIBRATION.full is not None
    opening = below(1.0, 1)
    p = BackProjectionParameters(
        method="study", use_percentile=True, food_percent=percent, morph_op="none", hist_bins=(32, 32)
    )
    reference = study_reference(CALIBRATION.full, opening, p)
    assert reference.area_px / np.count_nonzero(opening) == pytest.approx(percent / 100, abs=0.1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"use_channels": "L+a"},
        {"morph_op": "erode"},
        {"method": "magic"},
        {"hist_bins": (0, 256)},
        {"thresh": 256},
        {"food_percent": 101.0},
    ],
)
def test_wrong_parameters_are_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        BackProjectionParameters(**wrong)  # type: ignore[arg-type]


def test_the_study_needs_a_full_reference() -> None:
    with pytest.raises(ValueError, match="needs a full reference"):
        prepare(calibration(full=False), BackProjectionParameters(method="study"))
